import { projectNumber, type Values } from "./kind.ts";

/** What the stand-ins answer to calls of functions, from their arguments and the provider's config. */
export const FUNCTIONS: Readonly<Record<string, (args: Values, config: Values) => Values>> = {
  "gcp:organizations/getClientConfig:getClientConfig": (_, { project = "", region = "" }) => ({
    id: "client",
    project,
    region,
    zone: "",
    accessToken: "",
    defaultLabels: {},
  }),
  "gcp:organizations/getProject:getProject": (args, config) => {
    const projectId = args["projectId"] ?? config["project"];
    return {
      id: `projects/${String(projectId)}`,
      projectId,
      number: projectNumber(projectId),
      name: projectId,
      labels: {},
      effectiveLabels: {},
      pulumiLabels: {},
      tags: {},
      autoCreateNetwork: true,
      billingAccount: "",
      deletionPolicy: "PREVENT",
      folderId: "",
      orgId: "",
    };
  },
};
