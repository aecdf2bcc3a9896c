/** What a physical name of a kind may look like; limits from Google's documentation of each API. */
interface NameRule {
  readonly longest: number;
  readonly form: RegExp;
}

const lowerCase = /^[a-z](?:[a-z0-9-]*[a-z0-9])?$/;

/** The rules of each kind of name. */
export const NAME_RULES = {
  bucket: { longest: 63, form: /^(?!goog|.*google)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/ },
  dataset: { longest: 1024, form: /^[A-Za-z0-9_]+$/ },
  account: { longest: 30, form: /^[a-z](?:[a-z0-9-]{4,}[a-z0-9])$/ },
  service: { longest: 49, form: lowerCase },
  schedulerJob: { longest: 500, form: /^[A-Za-z0-9_-]+$/ },
  repository: { longest: 63, form: lowerCase },
  imageTag: { longest: 128, form: /^\w[\w.-]*$/ },
  logMetric: { longest: 100, form: /^[A-Za-z0-9_]+$/ },
  network: { longest: 63, form: lowerCase },
  cluster: { longest: 40, form: lowerCase },
  namespace: { longest: 63, form: lowerCase },
  indexedJob: { longest: 52, form: lowerCase },
  label: { longest: 63, form: /^[a-z0-9_-]*$/ },
} as const satisfies Record<string, NameRule>;

export type NameKind = keyof typeof NAME_RULES;

/** What a stack may be called: every physical name carries it, and the shortest kind (accounts) leaves it 12 characters. */
export const STACK_NAME = /^[a-z](?:[a-z0-9-]{0,10}[a-z0-9])?$/;

/** What tells the stacks of one project apart. */
export interface StackPlace {
  readonly project: string;
  /** By config and not by `getStack()`, so that `pulumi stack rename` moves nothing. */
  readonly stack: string;
}

/** The services, by the word that their names carry. */
export type ServiceName = "bids" | "payloads";

/** The services, and the job that publishes: what a scheduler starts. */
export type RunName = ServiceName | "publish";

/**
 * Every physical name of a stack. The kind comes first and the stack last, so that no two stacks can meet in one name.
 * Throws RangeError on a name that its API would refuse.
 */
export class ResourceNames {
  readonly #project: string;
  readonly #stack: string;

  constructor({ project, stack }: StackPlace) {
    if (!STACK_NAME.test(stack)) throw new RangeError(`not a stack's name: ${stack}`);
    this.#project = project;
    this.#stack = stack;
  }

  /** Bucket names are one namespace for all of Google Cloud: a project's id makes this one ours. */
  get bucket(): string {
    return physical("bucket", `${this.#project}-mev-boost-etl-${this.#stack}`);
  }

  /** Of published files. */
  get publishedBucket(): string {
    return physical("bucket", `${this.#project}-mev-boost-public-${this.#stack}`);
  }

  dataset(kind: "private" | "staging" | "public"): string {
    return physical("dataset", `mev_boost_${kind}_${this.#underscored}`);
  }

  /** `run` is what the service or job works as, `call` what its scheduler calls it as. */
  account(service: RunName, purpose: "run" | "call"): string {
    return physical("account", `etl-${service}-${purpose}-${this.#stack}`);
  }

  service(service: RunName): string {
    return physical("service", `mev-boost-etl-${service}-${this.#stack}`);
  }

  schedulerJob(service: RunName): string {
    return physical("schedulerJob", `mev-boost-etl-${service}-${this.#stack}`);
  }

  get repository(): string {
    return physical("repository", `mev-boost-etl-${this.#stack}`);
  }

  /** The tag of the image that the stack runs; the registry's clean-up keeps what carries one. */
  get imageTag(): string {
    return physical("imageTag", `deployed-${this.#stack}`);
  }

  /** Underscores only, since PromQL writes every other character as one. */
  logMetric(metric: string): string {
    return physical("logMetric", `mev_boost_etl_${metric}_${this.#underscored}`);
  }

  /** Of the network through which static egress leaves, and of all that belongs to it. */
  network(part: "network" | "subnet" | "router" | "nat" | "address"): string {
    return physical("network", `mev-boost-etl-${part}-${this.#stack}`);
  }

  /** What belongs to the back-load: in the cloud, and its namespace, by which its workers are told from other stacks'. */
  backload(part: "account" | "cluster" | "namespace" | "network" | "subnet"): string {
    if (part === "account") return physical(part, `etl-backload-${this.#stack}`);
    if (part === "cluster" || part === "namespace") return physical(part, `mev-boost-etl-${this.#stack}`);
    return physical("network", `mev-boost-etl-backload-${part}-${this.#stack}`);
  }

  /** The Job of one plan. */
  backloadJob(planHash: string): string {
    return physical("indexedJob", `backload-${this.#stack}-${planHash}`);
  }

  get #underscored(): string {
    return this.#stack.replaceAll("-", "_");
  }
}

/** The name itself, when its kind allows it. */
function physical(kind: NameKind, name: string): string {
  const { longest, form } = NAME_RULES[kind];
  if (name.length > longest) throw new RangeError(`${kind} ${name}: longer than ${longest} characters`);
  if (!form.test(name)) throw new RangeError(`${kind} ${name}: has characters that a ${kind} can't have`);
  return name;
}
