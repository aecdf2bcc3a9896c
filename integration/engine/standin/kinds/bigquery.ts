import { type StandinKind, list, map, type Reference, textOrNone, type Values } from "../kind.ts";
import { changeable, sameSchema, serverSchema } from "../tableSchema.ts";

const api = "bigquery.googleapis.com";
const PROVIDER = "hashicorp/terraform-provider-google, google/services/bigquery";
const DATASET = "gcp:bigquery/dataset:Dataset";
const TABLE = "gcp:bigquery/table:Table";
const ROUTINE = "gcp:bigquery/routine:Routine";

const datasetId = (v: Values) => `projects/${textOrNone(v.project)}/datasets/${textOrNone(v.datasetId)}`;
const tableId = (v: Values) => `${datasetId(v)}/tables/${textOrNone(v.tableId)}`;

/** In the access list of a dataset the API writes its old roles, whatever was given. */
const LEGACY: Readonly<Record<string, string>> = {
  "roles/bigquery.dataOwner": "OWNER",
  "roles/bigquery.dataEditor": "WRITER",
  "roles/bigquery.dataViewer": "READER",
};

/** The project's tables that a text of SQL names: views can't be made before them. */
function named(sql: unknown, project: unknown): Reference[] {
  const found = [
    ...textOrNone(sql).matchAll(
      /`([a-z][a-z0-9.:-]*)\.(\w+)\.(\w+)`|`([a-z][a-z0-9-]*)`\.`?(\w+)`?\.`?(\w+)`?/g,
    ),
  ];
  return found
    .map((match) => ({
      project: match[1] ?? match[4],
      datasetId: match[2] ?? match[5],
      tableId: match[3] ?? match[6],
    }))
    .filter((table) => table.project === project && table.tableId !== "INFORMATION_SCHEMA")
    .map((table) => [TABLE, tableId(table)]);
}

export const bigquery: Readonly<Record<string, StandinKind>> = {
  [DATASET]: {
    id: datasetId,
    api,
    source: `${PROVIDER}/resource_bigquery_dataset.go (ForceNew; roles: bigqueryDatasetAccessHash)`,
    replaces: ["datasetId", "location", "project", "defaultEncryptionConfiguration"],
    defaults: {
      location: "US",
      maxTimeTravelHours: "168",
      isCaseInsensitive: false,
      deleteContentsOnDestroy: false,
      deletionPolicy: "DELETE",
    },
    computed: (v, id) => ({
      selfLink: `https://bigquery.googleapis.com/bigquery/v2/${id}`,
      creationTime: 1_750_000_000_000,
      lastModifiedTime: 1_750_000_000_000,
      effectiveLabels: map(v.labels),
    }),
    contains: "deleteContentsOnDestroy",
    sets: ["accesses"],
    echo: (v) => ({
      ...v,
      accesses: list(v.accesses)
        .map((access) => {
          const one = map(access);
          const role = textOrNone(one.role);
          return role === "" ? one : { ...one, role: LEGACY[role] ?? role };
        })
        // The API gives the list in an order of its own.
        .toReversed(),
    }),
    refuse: (v) =>
      list(v.accesses).some((access) => /^roles\/(?!bigquery\.)/.test(textOrNone(map(access).role)))
        ? "Invalid value for access.role: only roles of BigQuery are allowed"
        : undefined,
    needs: (v) =>
      list(v.accesses).flatMap((access): Reference[] => {
        const authorized = map(map(map(access).dataset).dataset);
        return authorized.datasetId === undefined
          ? []
          : [[DATASET, datasetId({ project: authorized.projectId, datasetId: authorized.datasetId })]];
      }),
  },
  [TABLE]: {
    id: tableId,
    api,
    source: `${PROVIDER}/resource_bigquery_table.go (ForceNew; resourceBigQueryTableSchemaIsChangeable)`,
    replaces: [
      "datasetId",
      "tableId",
      "project",
      "rangePartitioning",
      "timePartitioning.field",
      "encryptionConfiguration",
      "biglakeConfiguration",
    ],
    deletionProtected: true,
    defaults: {
      deletionProtection: true,
      requirePartitionFilter: false,
      maxStaleness: "",
      expirationTime: 0,
    },
    computed: (v, id) => ({
      selfLink: `https://bigquery.googleapis.com/bigquery/v2/${id}`,
      creationTime: 1_750_000_000_000,
      lastModifiedTime: 1_750_000_000_000,
      location: "US",
      numBytes: 0,
      numRows: 0,
      type: v.view === undefined ? "TABLE" : "VIEW",
      effectiveLabels: map(v.labels),
    }),
    echo: (v) =>
      v.view === undefined
        ? { ...v, schema: serverSchema(textOrNone(v.schema)) }
        : { ...v, view: { useLegacySql: true, ...map(v.view) } },
    same: { schema: sameSchema },
    replacesWhen: { schema: (stands, wanted) => !changeable(textOrNone(stands), textOrNone(wanted)) },
    refuse(v) {
      if (v.view === undefined && v.schema === undefined) return "a table without a schema";
      if (v.schema === undefined) return undefined;
      const columns = JSON.parse(textOrNone(v.schema)) as { name: string; type: string }[];
      const has = (name: unknown) => columns.some((column) => column.name === name);
      const by = [...list(v.clusterings), map(v.timePartitioning).field, map(v.rangePartitioning).field];
      const lost = by.filter((name) => name !== undefined && !has(name));
      return lost.length > 0 ? `no column ${lost.map(String).join(", ")}` : undefined;
    },
    needs: (v) => [[DATASET, datasetId(v)], ...named(map(v.view).query, v.project)],
  },
  [ROUTINE]: {
    id: (v) => `${datasetId(v)}/routines/${textOrNone(v.routineId)}`,
    api,
    source: `${PROVIDER}/resource_bigquery_routine.go (ForceNew)`,
    replaces: ["datasetId", "routineId", "routineType", "project"],
    defaults: { deletionPolicy: "DELETE" },
    computed: () => ({ creationTime: 1_750_000_000_000, lastModifiedTime: 1_750_000_000_000 }),
    refuse: (v) =>
      /^\s*create\b/i.test(textOrNone(v.definitionBody))
        ? "definitionBody is the body alone, without CREATE"
        : v.routineType === "TABLE_VALUED_FUNCTION" && v.returnType !== undefined
          ? "a table function has no returnType"
          : undefined,
    needs: (v) => [[DATASET, datasetId(v)], ...named(v.definitionBody, v.project)],
  },
  "gcp:bigquery/iamMember:IamMember": {
    id: (v) => `${tableId(v)} ${textOrNone(v.role)} ${textOrNone(v.member)}`,
    api,
    source: `${PROVIDER}/iam_bigquery_table.go (every property ForceNew)`,
    replaces: ["datasetId", "tableId", "project", "role", "member", "condition"],
    idempotent: true,
    computed: () => ({ etag: "BwX" }),
    needs: (v) => [[TABLE, tableId(v)]],
  },
};
