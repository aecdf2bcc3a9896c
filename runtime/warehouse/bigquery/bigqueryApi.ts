import { BigQuery } from "@google-cloud/bigquery";
import { PassThroughClient } from "google-auth-library";
import type { Clock } from "../../chain/clock.ts";
import { keyFileError } from "../../googleKey.ts";
import { apiError, isTransient } from "./bigqueryErrors.ts";

/** What a request is sent with. */
export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Behind `/projects/<project>`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly body?: object;
}

/** A request is given up after this time, ms; where it may have had its effect, it is asked whether it had. */
const REQUEST_MS = 60_000;
/** How often a request is sent that fails in a way that passes, and the longest pause before the next, ms. */
const ATTEMPTS = 6;
const MAX_PAUSE_MS = 16_000;

/** BigQuery's REST API for one project, by Google's own client: it signs requests, or not for an emulator. */
export class BigQueryApi {
  readonly project: string;
  readonly #client: BigQuery;
  readonly #clock: Clock;
  readonly #signs: boolean;
  #credentials: Promise<unknown> | undefined;

  /** `BIGQUERY_EMULATOR_HOST` (host and port, or a URL) leads to an emulator, which is asked without credentials. */
  constructor(project: string, clock: Clock, emulator = process.env["BIGQUERY_EMULATOR_HOST"]) {
    this.project = project;
    this.#clock = clock;
    const endpoint = emulator && (/^https?:\/\//.test(emulator) ? emulator : `http://${emulator}`);
    this.#client = new BigQuery({
      projectId: project,
      userAgent: "mev-boost-etl",
      // Retries are made here, where it is known what a lost answer means.
      retryOptions: { autoRetry: false },
      ...(endpoint ? { authClient: new PassThroughClient() } : {}),
    });
    this.#signs = !endpoint;
    // The client takes the variable for the whole base of its paths.
    if (endpoint) this.#client.baseUrl = `${endpoint.replace(/\/+$/, "")}/bigquery/v2`;
  }

  /**
   * The answer to a request, sent again while it fails in a way that passes; so only for requests that may be repeated. Throws
   * ApiError.
   */
  async ask<T>(request: ApiRequest): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.once<T>(request);
      } catch (error) {
        if (attempt >= ATTEMPTS || !isTransient(error)) throw error;
        await this.pause(attempt);
      }
    }
  }

  /** The answer to a request that is sent once. Throws ApiError. */
  async once<T>({ method, path, query = {}, body }: ApiRequest): Promise<T> {
    if (this.#signs) await this.#signIn();
    return new Promise<T>((resolve, reject) => {
      this.#client.request(
        {
          method,
          uri: path,
          qs: query,
          timeout: REQUEST_MS,
          ...(body === undefined ? {} : { json: body }),
        },
        (error: Error | null, answer: unknown) => {
          if (error) reject(apiError(error));
          else resolve(answer as T);
        },
      );
    });
  }

  /** Without credentials the client would ask all the same, and the answer say less. */
  async #signIn(): Promise<void> {
    try {
      await (this.#credentials ??= this.#client.authClient.getClient());
    } catch (error) {
      this.#credentials = undefined;
      throw keyFileError(error) ?? apiError(error);
    }
  }

  /** Waits before a further attempt: up to 0.25 s, 0.5 s, 1 s …, at random. */
  async pause(attempt: number): Promise<void> {
    await this.#clock.sleep(Math.random() * Math.min(MAX_PAUSE_MS, 125 * 2 ** attempt));
  }
}
