import type { Clock } from "../../chain/clock.ts";
import { UserError } from "../../errors.ts";
import type { BigQueryApi } from "./bigqueryApi.ts";
import { ApiError, isTransient } from "./bigqueryErrors.ts";
import { type Parameter, parameters } from "./bigqueryParameters.ts";
import type { Value } from "../warehouse.ts";

/** A job's state as BigQuery tells it. */
export interface Job {
  readonly status?: {
    readonly state?: string;
    readonly errorResult?: JobFault;
    readonly errors?: readonly JobFault[];
  };
  readonly statistics?: {
    readonly load?: { readonly outputRows?: string; readonly inputFileBytes?: string };
    readonly totalBytesProcessed?: string;
  };
}

/** Why a job failed, as the API says it. */
export interface JobFault {
  readonly reason?: string;
  readonly message?: string;
  /** The file that a load job couldn't take, for one. */
  readonly location?: string;
}

/** A statement or script in GoogleSQL, with its parameters. */
export interface Query {
  readonly sql: string;
  readonly parameters?: Readonly<Record<string, Parameter>>;
}

/** What holds for every job. */
export interface JobSettings {
  /** Of the dataset; every job names it. */
  readonly location: string;
  /** A query that would read more bytes is refused before it reads any. */
  readonly maximumBytesBilled: number;
  readonly labels: Readonly<Record<string, string>>;
  /** For names without a dataset in queries of the user's. */
  readonly defaultDataset: { readonly projectId: string; readonly datasetId: string };
}

interface Results {
  readonly jobComplete?: boolean;
  readonly schema?: { readonly fields?: readonly ResultField[] };
  readonly rows?: readonly BigQueryRow[];
  readonly pageToken?: string;
}

/** How long a job is waited for, ms; BigQuery itself ends queries after 6 h. */
const PATIENCE_MS = 30 * 60_000;
const LONG_POLL_MS = 20_000;
const PAGE_ROWS = 50_000;

/**
 * Jobs whose id is chosen before they are sent: whether a request whose answer was lost had its effect is then asked, not
 * guessed, and none runs twice.
 */
export class BigQueryJobs {
  readonly #api: BigQueryApi;
  readonly #clock: Clock;
  readonly #settings: JobSettings;

  constructor(api: BigQueryApi, clock: Clock, settings: JobSettings) {
    this.#api = api;
    this.#clock = clock;
    this.#settings = settings;
  }

  /** Sends a job. False when there is one of that id already. Throws ApiError. */
  async submit(jobId: string, configuration: object): Promise<boolean> {
    const { location, labels } = this.#settings;
    const body = {
      jobReference: { projectId: this.#api.project, jobId, location },
      configuration: { ...configuration, labels },
    };
    for (let attempt = 1, mayBeThere = false; ; attempt++) {
      try {
        await this.#api.once({ method: "POST", path: "/jobs", body });
        return true;
      } catch (error) {
        if (error instanceof ApiError && error.status === 409) return mayBeThere;
        if (attempt >= 6 || !isTransient(error)) throw error;
        // The answer may be what was lost, and not the request.
        mayBeThere = true;
        await this.#api.pause(attempt);
      }
    }
  }

  /** A job's state now. Throws ApiError: 404 when there is none, 403 when it is another account's. */
  async state(jobId: string): Promise<Job> {
    const { location } = this.#settings;
    return this.#api.ask<Job>({ method: "GET", path: `/jobs/${jobId}`, query: { location } });
  }

  /** Waits for a job's end. Throws ApiError when it can't be looked at. */
  async ended(jobId: string): Promise<Job> {
    const deadline = this.#clock.monotonic() + PATIENCE_MS;
    for (let pause = 50; ; pause = Math.min(2000, pause * 1.6)) {
      const job = await this.state(jobId);
      if (job.status?.state === "DONE") return job;
      this.#checkPatience(jobId, deadline);
      await this.#clock.sleep(pause);
    }
  }

  /** Runs a query or script to its end and gives its rows (a script's: those of its last SELECT). Throws ApiError. */
  async run(query: Query): Promise<Record<string, Value>[]> {
    const rows: Record<string, Value>[] = [];
    for await (const page of this.pages(query)) for (const row of page) rows.push(row);
    return rows;
  }

  /** The same, some thousand rows at a time. */
  async *pages({ sql, parameters: given = {} }: Query): AsyncGenerator<Record<string, Value>[]> {
    const jobId = `etl_query_${crypto.randomUUID()}`;
    const { maximumBytesBilled, defaultDataset, location } = this.#settings;
    await this.submit(jobId, {
      query: {
        query: sql,
        useLegacySql: false,
        maximumBytesBilled: String(maximumBytesBilled),
        defaultDataset,
        parameterMode: "NAMED",
        queryParameters: parameters(given),
      },
    });
    const deadline = this.#clock.monotonic() + PATIENCE_MS;
    let pageToken: string | undefined;
    for (;;) {
      const results = await this.#api.ask<Results>({
        method: "GET",
        path: `/queries/${jobId}`,
        query: {
          location,
          timeoutMs: LONG_POLL_MS,
          maxResults: PAGE_ROWS,
          "formatOptions.useInt64Timestamp": true,
          ...(pageToken === undefined ? {} : { pageToken }),
        },
      });
      if (results.jobComplete !== true) {
        this.#checkPatience(jobId, deadline);
        continue;
      }
      yield rowsOfResult(results.schema?.fields ?? [], results.rows ?? []);
      pageToken = results.pageToken;
      if (!pageToken) return;
    }
  }

  #checkPatience(jobId: string, deadline: number): void {
    if (this.#clock.monotonic() < deadline) return;
    throw new UserError(
      `BigQuery's job ${jobId} hasn't ended within half an hour; look at it with \`bq show -j ${jobId}\`, then run again`,
    );
  }
}

/** What made a job fail, as an error. */
export function jobFault(job: Job): ApiError | undefined {
  const fault = job.status?.errorResult;
  return fault && new ApiError(fault.message ?? "the job failed", 400, fault.reason ?? "");
}

/** A column of a result. */
interface ResultField {
  readonly name: string;
  readonly type: string;
  readonly mode?: string;
  readonly fields?: readonly ResultField[];
}

/** A row as the API sends it: positions instead of names, every scalar as text. */
interface BigQueryRow {
  readonly f?: readonly { readonly v?: unknown }[];
}

/** A result's rows by column name, values in the form that every warehouse gives. */
function rowsOfResult(fields: readonly ResultField[], rows: readonly BigQueryRow[]): Record<string, Value>[] {
  return rows.map((row) => rowOf(fields, row));
}

function rowOf(fields: readonly ResultField[], row: BigQueryRow): Record<string, Value> {
  return Object.fromEntries(fields.map((field, index) => [field.name, valueOf(field, row.f?.[index]?.v)]));
}

function valueOf(field: ResultField, sent: unknown): Value {
  if (field.mode === "REPEATED") {
    const element = { ...field, mode: "NULLABLE" };
    return (sent as { v?: unknown }[]).map(({ v }) => valueOf(element, v));
  }
  if (sent === null || sent === undefined) return null;
  if (field.type === "RECORD" || field.type === "STRUCT")
    return rowOf(field.fields ?? [], sent as BigQueryRow);
  const text = String(sent as string | number | boolean);
  switch (field.type) {
    case "BOOLEAN":
    case "BOOL":
      return text === "true";
    case "FLOAT":
    case "FLOAT64":
      return Number(text);
    case "NUMERIC":
    case "BIGNUMERIC":
      return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
    case "TIMESTAMP":
      return timeOf(text);
    default:
      return text;
  }
}

/** Microseconds since 1970 as `YYYY-MM-DD hh:mm:ss[.ffffff]`. */
function timeOf(micros: string): string {
  const value = BigInt(micros);
  const rest = ((value % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = Number((value - rest) / 1_000_000n);
  const text = new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");
  return rest === 0n ? text : `${text}.${String(rest).padStart(6, "0").replace(/0+$/, "")}`;
}
