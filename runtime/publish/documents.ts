import type { Network } from "../chain/networks.ts";
import { DATASET_NAMES, datasets, publishedColumns } from "../datasets/dataset.ts";
import { DUCKDB_TYPES } from "../datasets/schema.ts";
import { SCHEMA_VERSION } from "./catalog.ts";

/** Stands for the address at which the files are served. */
const BASE = "https://HOST";

/** What lies beside the files, by name: their columns, and how they are read. */
export function documentsOf(network: Network): readonly (readonly [string, string])[] {
  const text = readmeOf(network);
  return [
    ["schema.json", schemaOf()],
    ["README.md", text],
    ["llms.txt", text],
  ];
}

function schemaOf(): string {
  const described = DATASET_NAMES.map((name) => ({
    name,
    description: datasets[name].description,
    order: ["relay", "slot"],
    columns: publishedColumns(datasets[name]).map(({ name: column, type, required, description }) => ({
      name: column,
      type: type === "TIMESTAMP" ? "TIMESTAMP WITH TIME ZONE" : DUCKDB_TYPES[type],
      required,
      description,
    })),
  }));
  return `${JSON.stringify({ schema_version: SCHEMA_VERSION, datasets: described }, null, 1)}\n`;
}

function readmeOf({ name: network }: Network): string {
  const file = `${network}/bids/date=2025-10-09/part-0.parquet`;
  return `# MEV-Boost data of ${network}, a Parquet file a dataset and UTC day

> What MEV-Boost relays answered: bids that builders submitted, payloads that were delivered, and what else they tell.

- Paths: \`${network}/<dataset>/date=YYYY-MM-DD/part-0.parquet\`; datasets: ${DATASET_NAMES.join(", ")}. A day is that of
  \`block_timestamp\`, the start of the slot.
- \`catalog.json\`: every file with rows, bytes, sha256, revision and its coverage, relay by relay: slots \`covered\`, \`missing\`
  (\`unproven\`: of these, answered without rows, which nothing has borne out), \`unavailable\` (forgotten by the relay before they
  were asked for) and \`suspect\` (covered, but doubtful). \`complete\`: nothing is missing but unproven slots. A day that lacks
  more is published when it is a week old. A slot without rows is empty only where the catalog says that it is covered.
- A file that changes gets a higher \`revision\`. \`schema.json\`: every column with its type and meaning.
- Rows are ordered by relay and slot, and a row group is of one relay: a query of one relay's slots reads a few of them.
- \`value\` is wei, DECIMAL(38,0): as a DOUBLE it loses digits. Times are UTC. \`copies\`: how often the relay's answer held the row.

In what follows ${BASE} is the address under which this folder is served.

## DuckDB

\`\`\`sql
SELECT relay, count(*), max(value)
FROM read_parquet('${BASE}/${file}', hive_partitioning = true)
WHERE relay = 'flashbots' AND slot BETWEEN 12750000 AND 12750031
GROUP BY ALL;

-- over https there is no listing: name the days
SELECT date, count(*)
FROM read_parquet(['${BASE}/${network}/payloads/date=2025-10-08/part-0.parquet',
                   '${BASE}/${network}/payloads/date=2025-10-09/part-0.parquet'], hive_partitioning = true)
GROUP BY ALL;

-- in a folder or bucket
SELECT count(*) FROM read_parquet('${network}/payloads/*/*.parquet', hive_partitioning = true) WHERE date >= '2025-10-01';
\`\`\`

## pandas

\`\`\`python
import pandas as pd
bids = pd.read_parquet("${BASE}/${file}", columns=["relay", "slot", "value"],
                       filters=[("relay", "==", "flashbots")])
\`\`\`

## polars

\`\`\`python
import polars as pl
bids = pl.scan_parquet("${BASE}/${file}").filter(pl.col("relay") == "flashbots").collect()
\`\`\`

## ClickHouse

\`\`\`sql
SELECT relay, count(), max(value)
FROM url('${BASE}/${file}', 'Parquet')
GROUP BY relay;
\`\`\`
`;
}
