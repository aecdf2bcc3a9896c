import type { Policies } from "@pulumi/policy";
import { accountKeys } from "./accountKeys.ts";
import { bigTableLayout } from "./bigTableLayout.ts";
import { bucketBesideDataset } from "./bucketBesideDataset.ts";
import { bucketPrivate } from "./bucketPrivate.ts";
import { columnsDescribed } from "./columnsDescribed.ts";
import { datasetAccessOnce } from "./datasetAccessOnce.ts";
import { imageDigest } from "./imageDigest.ts";
import { invokerConfined } from "./invokerConfined.ts";
import { labels } from "./labels.ts";
import { locations } from "./locations.ts";
import { logMetricDescribed } from "./logMetricDescribed.ts";
import { partitionFilter } from "./partitionFilter.ts";
import { physicalNames } from "./physicalNames.ts";
import { plainSecrets } from "./plainSecrets.ts";
import { podFits } from "./podFits.ts";
import { podLimits } from "./podLimits.ts";
import { podNoHost } from "./podNoHost.ts";
import { podNoToken } from "./podNoToken.ts";
import { podPreemption } from "./podPreemption.ts";
import { podSecurity } from "./podSecurity.ts";
import { primitiveRoles } from "./primitiveRoles.ts";
import { productionProtected } from "./productionProtected.ts";
import { projectGrants } from "./projectGrants.ts";
import { publicAccess } from "./publicAccess.ts";
import { publicNodes } from "./publicNodes.ts";
import { relayHeaders } from "./relayHeaders.ts";
import { runAccount } from "./runAccount.ts";
import { runInstances } from "./runInstances.ts";
import { runJobEnds } from "./runJobEnds.ts";
import { runLimits } from "./runLimits.ts";
import { schedulerDeadline } from "./schedulerDeadline.ts";
import { schedulerOidc } from "./schedulerOidc.ts";
import { softDelete } from "./softDelete.ts";
import { standardSql } from "./standardSql.ts";

/** Every rule, in the order of their names. */
export const policies: Policies = [
  accountKeys,
  bigTableLayout,
  bucketBesideDataset,
  bucketPrivate,
  columnsDescribed,
  datasetAccessOnce,
  imageDigest,
  invokerConfined,
  labels,
  locations,
  logMetricDescribed,
  partitionFilter,
  physicalNames,
  plainSecrets,
  podFits,
  podLimits,
  podNoHost,
  podNoToken,
  podPreemption,
  podSecurity,
  primitiveRoles,
  productionProtected,
  projectGrants,
  publicAccess,
  publicNodes,
  relayHeaders,
  runAccount,
  runInstances,
  runJobEnds,
  runLimits,
  schedulerDeadline,
  schedulerOidc,
  softDelete,
  standardSql,
];
