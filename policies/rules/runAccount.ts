import { runJob, service } from "./common/kinds.ts";
import { on, resourceRule } from "./common/rule.ts";
import { isSet, known } from "./common/unknown.ts";

const DEFAULT = /-compute@developer\.gserviceaccount\.com$|@appspot\.gserviceaccount\.com$/;

export const runAccount = resourceRule(
  {
    name: "run-account",
    severity: "high",
    description:
      "A Cloud Run service has an account of its own: the default account may edit the whole project, and all who forgot share it.",
    remedy: "Set template.serviceAccount to an account made for this service",
  },
  on(service, ({ template }) => account(() => template.serviceAccount)),
  on(runJob, ({ template }) => account(() => template.template.serviceAccount)),
);

function account(read: () => string | undefined): string | undefined {
  if (!isSet(read)) return "It runs as the default account (serviceAccount isn't set)";
  const email = known(read);
  return email !== undefined && DEFAULT.test(email) ? `It runs as the default account ${email}` : undefined;
}
