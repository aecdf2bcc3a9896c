/** How a kind of resource is guarded where the stack's config says `protect: true`. */
interface Protection {
  /** What is meant, for docs/policies.md. */
  readonly what: string;
  /** Pulumi refuses to delete or replace it before `pulumi state unprotect`. */
  readonly protect: boolean;
  /** What leaves the program stays in the cloud. */
  readonly retainOnDelete: boolean;
  /** The provider's own flags, by whether the stack is protected. */
  readonly flags?: (isProtected: boolean) => Readonly<Record<string, boolean>>;
  readonly why: string;
}

/** The one table of what guards what. Kinds that aren't named hold nothing and are free to be replaced. */
export const PROTECTION = {
  lake: {
    what: "bucket of the lake",
    protect: true,
    retainOnDelete: true,
    flags: (isProtected) => ({ forceDestroy: !isProtected }),
    why: "the only copy of what relays have forgotten",
  },
  published: {
    what: "bucket of published files",
    protect: true,
    retainOnDelete: true,
    flags: (isProtected) => ({ forceDestroy: !isProtected }),
    why: "the record of what a lake was pruned of, and others read it",
  },
  data: {
    what: "private dataset",
    protect: true,
    retainOnDelete: true,
    flags: (isProtected) => ({ deleteContentsOnDestroy: !isProtected }),
    why: "can be loaded again from the lake, at a price",
  },
  table: {
    what: "tables of the private dataset",
    protect: true,
    retainOnDelete: true,
    flags: (isProtected) => ({ deletionProtection: isProtected }),
    why: "a dropped or retyped column must fail, not make an empty table",
  },
  public: {
    what: "public dataset",
    protect: true,
    retainOnDelete: false,
    flags: (isProtected) => ({ deleteContentsOnDestroy: !isProtected }),
    why: "holds no rows, but others' queries name it",
  },
  staging: {
    what: "staging dataset",
    protect: false,
    retainOnDelete: false,
    flags: () => ({ deleteContentsOnDestroy: true }),
    why: "its tables expire within a day",
  },
  view: {
    what: "views and table functions",
    protect: false,
    retainOnDelete: false,
    flags: () => ({ deletionProtection: false }),
    why: "made anew from their text",
  },
  registry: {
    what: "image repository",
    protect: true,
    retainOnDelete: false,
    why: "what runs is pulled from it",
  },
  address: {
    what: "reserved address",
    protect: true,
    retainOnDelete: false,
    why: "relays know us by it",
  },
  service: {
    what: "Cloud Run services, and the job that publishes",
    protect: false,
    retainOnDelete: false,
    flags: () => ({ deletionProtection: false }),
    why: "they hold nothing; the provider's default would also refuse to replace them",
  },
  cluster: {
    what: "the back-load's cluster",
    protect: false,
    retainOnDelete: false,
    flags: () => ({ deletionProtection: false }),
    why: "it holds nothing, and goes when the back-load is done",
  },
  free: {
    what: "everything else: APIs (never switched off), accounts, grants, schedulers, metrics, alerts, dashboard, budget, networks, node pools, what lies in the cluster",
    protect: false,
    retainOnDelete: false,
    why: "made anew from the program",
  },
} as const satisfies Record<string, Protection>;

export type ProtectedKind = keyof typeof PROTECTION;
