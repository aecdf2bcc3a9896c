import type { StandinKind } from "./kind.ts";
import { bigquery } from "./kinds/bigquery.ts";
import { iam } from "./kinds/iam.ts";
import { kubernetes } from "./kinds/kubernetes.ts";
import { monitoring } from "./kinds/monitoring.ts";
import { network } from "./kinds/network.ts";
import { refused } from "./kinds/refused.ts";
import { runKinds } from "./kinds/run.ts";
import { storage } from "./kinds/storage.ts";

/** Every resource type that the stand-ins know. A program that registers another one fails. */
export const KINDS: Readonly<Record<string, StandinKind>> = {
  ...storage,
  ...bigquery,
  ...iam,
  ...runKinds,
  ...monitoring,
  ...network,
  ...kubernetes,
  ...refused,
};
