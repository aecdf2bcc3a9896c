import { drawn, type StandinKind, projectNumber, type Reference, textOrNone } from "../kind.ts";

const PROVIDER = "hashicorp/terraform-provider-google, google/services";

/** Whom a grant is for, when that is an account of the same project. */
export function accountOf(member: unknown): Reference[] {
  const email = /^serviceAccount:(.+@(.+)\.iam\.gserviceaccount\.com)$/.exec(textOrNone(member));
  return email
    ? [["gcp:serviceaccount/account:Account", `projects/${email[2]}/serviceAccounts/${email[1]}`]]
    : [];
}

/** A secret as the provider writes it back. */
function secretOf(project: unknown, secret: unknown): string {
  const name = textOrNone(secret);
  return name.startsWith("projects/") ? name : `projects/${textOrNone(project)}/secrets/${name}`;
}

export const iam: Readonly<Record<string, StandinKind>> = {
  "gcp:projects/service:Service": {
    id: (v) => `${textOrNone(v.project)}/${textOrNone(v.service)}`,
    source: `${PROVIDER}/resourcemanager/resource_google_project_service.go (ForceNew)`,
    replaces: ["service", "project"],
    idempotent: true,
    defaults: { disableOnDestroy: false, deletionPolicy: "DELETE" },
  },
  "gcp:serviceaccount/account:Account": {
    id: (v) =>
      `projects/${textOrNone(v.project)}/serviceAccounts/${textOrNone(v.accountId)}@${textOrNone(v.project)}.iam.gserviceaccount.com`,
    api: "iam.googleapis.com",
    source: `${PROVIDER}/resourcemanager/resource_google_service_account.go (ForceNew)`,
    replaces: ["accountId", "project"],
    defaults: { disabled: false, displayName: "", deletionPolicy: "DELETE" },
    computed: (v, id) => {
      const email = `${textOrNone(v.accountId)}@${textOrNone(v.project)}.iam.gserviceaccount.com`;
      return {
        email,
        name: id,
        member: `serviceAccount:${email}`,
        uniqueId: `1${String(drawn(email)).padStart(20, "0")}`,
      };
    },
  },
  "gcp:projects/iAMMember:IAMMember": {
    id: (v) => `${textOrNone(v.project)} ${textOrNone(v.role)} ${textOrNone(v.member)}`,
    api: "cloudresourcemanager.googleapis.com",
    source: `${PROVIDER}/resourcemanager/iam_project.go (every property ForceNew)`,
    replaces: ["project", "role", "member", "condition"],
    idempotent: true,
    computed: () => ({ etag: "BwX" }),
    needs: (v) => accountOf(v.member),
  },
  "gcp:secretmanager/secretIamMember:SecretIamMember": {
    id: (v) =>
      `projects/${textOrNone(v.project)}/secrets/${textOrNone(v.secretId)} ${textOrNone(v.role)} ${textOrNone(v.member)}`,
    api: "secretmanager.googleapis.com",
    source: `${PROVIDER}/secretmanager/iam_secret_manager_secret.go (every property ForceNew; the id is written back in full)`,
    replaces: ["project", "secretId", "role", "member", "condition"],
    idempotent: true,
    computed: () => ({ etag: "BwX" }),
    // The secret itself is nobody's of the stack: whoever gave it made it.
    echo: (v) => ({ ...v, secretId: secretOf(v.project, v.secretId) }),
    same: {
      secretId: (stands, wanted) =>
        textOrNone(stands).endsWith(`/${textOrNone(wanted)}`) || stands === wanted,
    },
    needs: (v) => accountOf(v.member),
  },
  "gcp:billing/budget:Budget": {
    id: (v) => `billingAccounts/${textOrNone(v.billingAccount)}/budgets/${drawn(textOrNone(v.displayName))}`,
    api: "billingbudgets.googleapis.com",
    source: `${PROVIDER}/billing/resource_billing_budget.go (ForceNew; the API writes projects by number)`,
    replaces: ["billingAccount"],
    defaults: { deletionPolicy: "DELETE" },
    computed: (_, id) => ({ name: id }),
    echo(v) {
      const filter = (v.budgetFilter ?? {}) as { projects?: string[] };
      const projects = filter.projects?.map((one) => {
        const project = one.replace("projects/", "");
        return `projects/${/^\d+$/.test(project) ? project : projectNumber(project)}`;
      });
      return {
        ...v,
        budgetFilter: {
          creditTypesTreatment: "INCLUDE_ALL_CREDITS",
          ...filter,
          ...(projects ? { projects } : {}),
        },
      };
    },
  },
};
