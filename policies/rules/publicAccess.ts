import { bindings, isGrant } from "./common/grants.ts";
import { dataset, datasetAccess, service } from "./common/kinds.ts";
import { on, onTypes, resourceRule, textsSetting } from "./common/rule.ts";
import { each, known } from "./common/unknown.ts";

const PUBLIC = new Set(["allUsers", "allAuthenticatedUsers"]);
/** Grants on a folder of a bucket; that of reading what lies in it, and nothing else, may be declared. */
const FOLDER = /^gcp:storage\/managedFolderIam(?:Member|Binding):/;
const WHOLE_BUCKET = /^gcp:storage\/bucketI(?:AM|am)(?:Member|Binding):/;
const VIEWER = "roles/storage.objectViewer";
/** Access lists of buckets and objects in the form that came before IAM. */
const BUCKET_ACL = /^gcp:storage\/\w*(?:ACL|AccessControl|aCL|accessControl)\w*:/i;

export const publicAccess = resourceRule(
  {
    name: "public-access",
    severity: "critical",
    description:
      "Nothing is open to everybody but the declared public dataset, folder and bucket: what is public once has been copied.",
    remedy:
      "Grant to named users, groups or accounts; what is meant for everybody goes into the public dataset (setting publicDatasets), pages into the public folder (setting publicFolders), published files into the public bucket (setting publicBuckets)",
    settings: {
      publicDatasets: textsSetting("Patterns of the ids of datasets that may be public", [
        "^mev_boost_public_",
      ]),
      publicFolders: textsSetting(
        "Patterns of the names of managed folders whose objects may be read by all",
        ["^reports/$"],
      ),
      publicBuckets: textsSetting("Patterns of the names of buckets whose objects may be read by all", [
        "-mev-boost-public-[a-z0-9-]+$",
      ]),
    },
  },
  onTypes(isGrant, (props, { type, config }) =>
    bindings(props).flatMap(({ role, members }) =>
      members
        .filter((member) => PUBLIC.has(member))
        .filter(
          () =>
            role !== VIEWER ||
            !(
              (FOLDER.test(type) && isDeclared(textOf(props, "managedFolder"), config.publicFolders)) ||
              (WHOLE_BUCKET.test(type) && isDeclared(textOf(props, "bucket"), config.publicBuckets))
            ),
        )
        .map((member) => `${role ?? "A role"} is granted to ${member}`),
    ),
  ),
  onTypes(
    (type) => BUCKET_ACL.test(type),
    ({ entity }) => typeof entity === "string" && PUBLIC.has(entity) && `The bucket is open to ${entity}`,
    ({ predefinedAcl }) =>
      /public|authenticatedRead/i.test(String(predefinedAcl)) && `The ACL is ${String(predefinedAcl)}`,
  ),
  on(dataset, (props, { config }) =>
    isDeclared(
      known(() => props.datasetId),
      config.publicDatasets,
    )
      ? undefined
      : each(props.accesses, (access) => openTo(access.specialGroup, access.iamMember)),
  ),
  on(datasetAccess, (props, { config }) =>
    isDeclared(
      known(() => props.datasetId),
      config.publicDatasets,
    )
      ? undefined
      : openTo(props.specialGroup, props.iamMember),
  ),
  on(
    service,
    ({ invokerIamDisabled }) =>
      invokerIamDisabled === true && "The service answers anybody (invokerIamDisabled)",
  ),
);

function textOf(props: Readonly<Record<string, unknown>>, property: string): string | undefined {
  const name = known(() => props[property]);
  return typeof name === "string" ? name : undefined;
}

function openTo(...who: (string | undefined)[]): string | undefined {
  const open = who.find((one) => one !== undefined && PUBLIC.has(one));
  return open && `The dataset is open to ${open}`;
}

function isDeclared(id: string | undefined, patterns: readonly string[]): boolean {
  return id !== undefined && patterns.some((pattern) => new RegExp(pattern).test(id));
}
