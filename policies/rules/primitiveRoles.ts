import { bindings, isProjectWide } from "./common/grants.ts";
import { onTypes, resourceRule } from "./common/rule.ts";

const PRIMITIVE = new Set(["roles/owner", "roles/editor", "roles/viewer"]);

export const primitiveRoles = resourceRule(
  {
    name: "primitive-roles",
    severity: "critical",
    description:
      "No owner, editor or viewer of the project: such a role reaches everything in it, also what is added later.",
    remedy: "Grant the predefined role that is needed, on the one resource that needs it",
  },
  onTypes(isProjectWide, (props) =>
    bindings(props)
      .filter(({ role }) => role !== undefined && PRIMITIVE.has(role))
      .map(
        ({ role, members }) =>
          `${role} of the whole project is granted to ${members.join(", ") || "an account"}`,
      ),
  ),
);
