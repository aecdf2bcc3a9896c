import { known } from "./unknown.ts";

type Props = Readonly<Record<string, unknown>>;

const IAM = /^gcp:.*:\w*(?:IAM|Iam)(Member|Binding|Policy)$/;
const PROJECT_IAM = /^gcp:(?:projects|folder|organizations)\/iAM(?:Member|Binding|Policy):/;

/** Whether a resource grants roles: a member, a binding or a whole policy, on whatever resource. */
export const isGrant = (type: string): boolean => IAM.test(type);

/** Whether it grants them on a whole project, folder or organisation. */
export const isProjectWide = (type: string): boolean => PROJECT_IAM.test(type);

/** Whether the grant takes away what others have granted: a binding all of its role, a policy all there is. */
export const isAuthoritative = (type: string): boolean => isGrant(type) && !type.endsWith("Member");

interface Binding {
  readonly role: string | undefined;
  readonly members: readonly string[];
}

/** What a grant gives to whom, as far as it is known: a policy may hold several bindings. */
export function bindings(props: Props): Binding[] {
  const data = known(() => props["policyData"]);
  if (typeof data === "string") return policyBindings(data);
  const role = known(() => props["role"]);
  return [{ role: typeof role === "string" ? role : undefined, members: membersOf(props) }];
}

function membersOf(props: Props): string[] {
  const one = known(() => props["member"]);
  const many = known(() => props["members"]);
  const indices = Array.isArray(many) ? many.keys() : [];
  const each = [...indices].map((index) => known(() => (many as unknown[])[index]));
  return [one, ...each].filter((member) => typeof member === "string");
}

/** The bindings of a policy written as JSON. Text that isn't one is an error of the program's, which the provider reports. */
function policyBindings(data: string): Binding[] {
  const policy: unknown = JSON.parse(data);
  if (typeof policy !== "object" || policy === null || !("bindings" in policy)) return [];
  const { bindings: listed } = policy;
  if (!Array.isArray(listed)) return [];
  return listed.map(({ role, members }: { role?: string; members?: string[] }) => ({
    role,
    members: members ?? [],
  }));
}
