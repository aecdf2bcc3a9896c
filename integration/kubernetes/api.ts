import { Agent, request } from "node:https";

/** An object of the API, as far as the tests look into it. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly resourceVersion?: string;
    readonly deletionTimestamp?: string;
    readonly deletionGracePeriodSeconds?: number;
  };
  // The rest differs from kind to kind and is checked by the API server, not here.
  readonly [key: string]: unknown;
}

/** The API server refused a call. */
export class KubernetesError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What a watch tells. */
export interface WatchEvent {
  readonly type: string;
  readonly object: KubeObject;
}

/** Calls the API server of a local control plane. Warnings that it gives are kept: the tests take them for errors. */
export class KubeApi {
  readonly warnings: string[] = [];
  readonly #server: URL;
  readonly #token: string;
  readonly #agent: Agent;

  constructor(server: string, token: string, ca: string) {
    this.#server = new URL(server);
    this.#token = token;
    this.#agent = new Agent({ keepAlive: true, ca });
  }

  async get(path: string): Promise<KubeObject> {
    return this.#call("GET", path);
  }

  /** The objects of a list and the version at which a watch may go on. */
  async list(path: string): Promise<{ items: readonly KubeObject[]; version: string }> {
    const list = await this.#call("GET", path);
    return { items: (list["items"] ?? []) as KubeObject[], version: list.metadata.resourceVersion ?? "" };
  }

  /** Makes an object; a field that the server doesn't know is an error, as a misspelt one would be ignored otherwise. */
  async create(path: string, object: object): Promise<KubeObject> {
    return this.#call("POST", `${path}?fieldValidation=Strict`, object);
  }

  async patch(
    path: string,
    change: object,
    form: "merge" | "strategic-merge" = "strategic-merge",
  ): Promise<KubeObject> {
    return this.#call("PATCH", path, change, `application/${form}-patch+json`);
  }

  async delete(path: string, options: object = {}): Promise<KubeObject> {
    return this.#call("DELETE", path, options);
  }

  /** Tells of changes until the server ends the watch or `signal` is aborted. */
  async watch(path: string, tell: (event: WatchEvent) => void, signal: AbortSignal): Promise<void> {
    await new Promise<void>((done, fail) => {
      const sent = request(this.#options("GET", path, signal), (answer) => {
        let rest = "";
        answer.setEncoding("utf8");
        answer.on("data", (text: string) => {
          const lines = (rest + text).split("\n");
          rest = lines.pop() ?? "";
          for (const line of lines) tell(JSON.parse(line) as WatchEvent);
        });
        answer.on("close", done);
      });
      sent.on("error", (error) => (signal.aborted ? done() : fail(error)));
      sent.end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  async #call(method: string, path: string, body?: object, type = "application/json"): Promise<KubeObject> {
    return new Promise((done, fail) => {
      const sent = request(this.#options(method, path), (answer) => {
        const parts: Buffer[] = [];
        answer.on("data", (part: Buffer) => parts.push(part));
        answer.on("error", fail);
        answer.on("end", () => {
          const text = Buffer.concat(parts).toString();
          const warning = answer.headers["warning"];
          if (warning !== undefined) this.warnings.push(`${method} ${path}: ${warning}`);
          const status = answer.statusCode ?? 0;
          if (status < 300) return done(JSON.parse(text) as KubeObject);
          return fail(new KubernetesError(status, `${method} ${path}: ${status} ${text}`));
        });
      });
      sent.on("error", fail);
      const text = body && JSON.stringify(body);
      if (text !== undefined) {
        sent.setHeader("content-type", type);
        // Node sends none by itself with DELETE.
        sent.setHeader("content-length", Buffer.byteLength(text));
      }
      sent.end(text);
    });
  }

  #options(method: string, path: string, signal?: AbortSignal) {
    return {
      agent: this.#agent,
      host: this.#server.hostname,
      port: this.#server.port,
      path,
      method,
      headers: { authorization: `Bearer ${this.#token}`, accept: "application/json" },
      ...(signal ? { signal } : {}),
    };
  }
}
