import { bindings, isAuthoritative, isProjectWide } from "./common/grants.ts";
import { onTypes, resourceRule, textsSetting } from "./common/rule.ts";

export const projectGrants = resourceRule(
  {
    name: "project-grants",
    severity: "high",
    description:
      "Roles are granted on the one bucket, dataset, table, repository or service: a project-wide grant reaches all of them.",
    remedy:
      "Grant the role on the resource; a role that exists only for projects is added to the setting projectRoles",
    settings: {
      projectRoles: textsSetting("Roles that can be granted on a project only", [
        "roles/bigquery.jobUser",
        "roles/container.defaultNodeServiceAccount",
      ]),
    },
  },
  onTypes(
    isProjectWide,
    (props, { config }) =>
      bindings(props)
        .filter(({ role }) => role !== undefined && !config.projectRoles.includes(role))
        .map(({ role }) => `${role} is granted on the whole project`),
    (_, { type }) =>
      isAuthoritative(type) && "The grant is authoritative: it takes away what others granted on the project",
  ),
);
