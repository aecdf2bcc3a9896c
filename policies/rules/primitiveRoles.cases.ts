import { type RuleCases, change } from "./common/cases.ts";
import { projectGrant } from "./common/compliant.ts";
import { primitiveRoles } from "./primitiveRoles.ts";

export const cases: RuleCases = {
  rule: primitiveRoles,
  compliant: [projectGrant()],
  broken: {
    owner: [change("role", "roles/owner")],
    editor: [change("role", "roles/editor")],
    viewer: [change("role", "roles/viewer")],
  },
  also: ["project-grants"],
};
