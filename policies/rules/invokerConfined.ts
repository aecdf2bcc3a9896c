import type { PolicyResource } from "@pulumi/policy";
import { accountsIn } from "./common/graph.ts";
import { bindings, isGrant } from "./common/grants.ts";
import { account, dataset, scheduler } from "./common/kinds.ts";
import { stackRule, type StackFinding } from "./common/rule.ts";
import { known } from "./common/unknown.ts";

const RUN_GRANT = /^gcp:cloudrunv2\/(?:service|job)(?:Iam|IAM)(?:Member|Binding):/;

export const invokerConfined = stackRule(
  {
    name: "invoker-confined",
    severity: "high",
    description:
      "The account that the scheduler calls with may call its one service or start its one job, and nothing else: it needs no data and no other service.",
    remedy: "Give each service and job an invoker of its own, with roles/run.invoker on that one only",
  },
  (resources) => {
    const accounts = resources.filter(({ type }) => type === account.type);
    return accounts
      .filter((resource) => resources.some((job) => callsAs(job, accounts).includes(resource)))
      .flatMap((invoker) => beyond(invoker, resources, accounts));
  },
);

/** The accounts whose tokens a scheduled job calls with. */
function callsAs(job: PolicyResource, accounts: readonly PolicyResource[]): readonly PolicyResource[] {
  if (job.type !== scheduler.type) return [];
  const emails = (["oidcToken", "oauthToken"] as const).map((token) =>
    known(() => job.props["httpTarget"]?.[token]?.serviceAccountEmail as string),
  );
  return accountsIn(job, "httpTarget", emails, accounts);
}

/** What an invoker may do beyond calling one service. */
function beyond(
  invoker: PolicyResource,
  resources: readonly PolicyResource[],
  accounts: readonly PolicyResource[],
): StackFinding[] {
  const grants = resources
    .filter(({ type }) => isGrant(type))
    .filter((grant) => grantees(grant, accounts).includes(invoker));
  const calls = grants.filter((grant) => RUN_GRANT.test(grant.type));
  const findings = grants
    .filter((grant) => !calls.includes(grant))
    .map((grant) => ({
      finding: `Invoker ${invoker.name} is also granted ${role(grant)} by ${grant.name}`,
      urn: grant.urn,
    }));
  const other = calls
    .filter((grant) => known(() => grant.props["role"]) !== "roles/run.invoker")
    .map((grant) => ({
      finding: `Invoker ${invoker.name} is granted ${role(grant)} on its service`,
      urn: grant.urn,
    }));
  const more = calls.slice(1).map((grant) => ({
    finding: `Invoker ${invoker.name} may call ${calls.length} services`,
    urn: grant.urn,
  }));
  const data = resources
    .filter(({ type }) => type === dataset.type)
    .filter((resource) => accountsIn(resource, "accesses", emailsOf(resource), accounts).includes(invoker))
    .map((resource) => ({
      finding: `Invoker ${invoker.name} has access to dataset ${resource.name}`,
      urn: resource.urn,
    }));
  return [...findings, ...other, ...more, ...data];
}

function grantees(grant: PolicyResource, accounts: readonly PolicyResource[]): readonly PolicyResource[] {
  const members = bindings(grant.props).flatMap(({ members: listed }) => listed);
  return ["member", "members"].flatMap((property) => accountsIn(grant, property, members, accounts));
}

function emailsOf(resource: PolicyResource): (string | undefined)[] {
  const accesses = known(() => resource.props["accesses"] as { userByEmail?: string }[]) ?? [];
  return [...accesses.keys()].map((index) => known(() => accesses[index]?.userByEmail));
}

function role(grant: PolicyResource): string {
  return bindings(grant.props)[0]?.role ?? "a role";
}
