import { createHash } from "node:crypto";
import type { Clock } from "../../chain/clock.ts";
import type { Network } from "../../chain/networks.ts";
import { type Dataset, lakeColumns } from "../../datasets/dataset.ts";
import { bigquerySchema } from "../../datasets/schema.ts";
import { dropTable, hasTable } from "./bigqueryDataset.ts";
import { ApiError, isTransient } from "./bigqueryErrors.ts";
import { jobFault, type Job } from "./bigqueryJobs.ts";
import type { BigQueryParts } from "./transactionLock.ts";

/** An object as a load job is to read it. */
export interface Source {
  /** gs:// URI. */
  readonly uri: string;
  readonly generation: number;
}

/** A staging table with the rows of objects, as they were when the job ran. */
export interface Staged {
  readonly table: string;
  readonly rows: number;
}

/** A load job failed because of what an object holds. */
export class ObjectFaultError extends Error {
  override readonly name = "ObjectFaultError";
  /** Those that BigQuery names; none where it names none. */
  readonly uris: readonly string[];
  constructor(message: string, uris: readonly string[]) {
    super(message);
    this.uris = uris;
  }
}

/** How many ids are tried until a job of one's own runs. */
const MAX_SUFFIX = 20;
/** How long a job of another account is waited for, ms. */
const FOREIGN_WAIT_MS = 60_000;
const FOREIGN_POLL_MS = 3_000;

/** Brings objects into staging tables by load jobs. */
export class Staging {
  readonly #parts: BigQueryParts;
  readonly #clock: Clock;
  readonly #network: Network;

  constructor(parts: BigQueryParts, clock: Clock, network: Network) {
    this.#parts = parts;
    this.#clock = clock;
    this.#network = network;
  }

  /**
   * The objects' rows in a staging table. The job's id follows from the objects and their generations: a job that ran already
   * is found, and its table used while it is there. Throws ObjectFaultError, ApiError.
   */
  async stage(dataset: Dataset, sources: readonly Source[]): Promise<Staged> {
    const { dataset: staging } = this.#parts.places.staging;
    for (let suffix = 0; ; suffix++) {
      const id = this.#jobId(dataset, sources, suffix);
      await this.#parts.jobs.submit(id, { load: this.#configuration(dataset, sources, id) });
      const job = await this.#ended(id);
      const fault = job && jobFault(job);
      if (job && fault && isObjectFault(fault)) throw objectFault(job, fault, sources);
      // A table that was left can be used; one that is gone has served its purpose for somebody.
      if (!fault && (await hasTable(this.#parts.api, staging, id)))
        return { table: id, rows: Number(job?.statistics?.load?.outputRows ?? Number.NaN) };
      if (suffix >= MAX_SUFFIX || (fault && !isPassing(fault)))
        throw fault ?? new ApiError(`load job ${id} leaves no table`, 500, "internalError");
      if (fault) await this.#parts.api.pause(suffix);
    }
  }

  async drop({ table }: Staged): Promise<void> {
    await dropTable(this.#parts.api, this.#parts.places.staging.dataset, table);
  }

  /** A job's end; undefined when it is another account's, and its table is there or long in coming. */
  async #ended(id: string): Promise<Job | undefined> {
    try {
      return await this.#parts.jobs.ended(id);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 403) throw error;
    }
    const deadline = this.#clock.monotonic() + FOREIGN_WAIT_MS;
    while (
      !(await hasTable(this.#parts.api, this.#parts.places.staging.dataset, id)) &&
      this.#clock.monotonic() < deadline
    )
      await this.#clock.sleep(FOREIGN_POLL_MS);
    return undefined;
  }

  #jobId(dataset: Dataset, sources: readonly Source[], suffix: number): string {
    const objects = sources.map(({ uri, generation }) => `${uri}#${generation}`).sort();
    const about = [
      this.#network.name,
      this.#parts.places.tables,
      dataset.name,
      lakeColumns(dataset),
      objects,
    ];
    const hash = createHash("sha256").update(JSON.stringify(about)).digest("hex").slice(0, 40);
    return `etl_load_${dataset.name}_${hash}${suffix === 0 ? "" : `_${suffix}`}`;
  }

  #configuration(dataset: Dataset, sources: readonly Source[], tableId: string): object {
    const { project, dataset: staging } = this.#parts.places.staging;
    return {
      sourceUris: sources.map(({ uri }) => uri),
      sourceFormat: "NEWLINE_DELIMITED_JSON",
      schema: { fields: bigquerySchema({ columns: lakeColumns(dataset) }) },
      destinationTable: { projectId: project, datasetId: staging, tableId },
      createDisposition: "CREATE_IF_NEEDED",
      writeDisposition: "WRITE_TRUNCATE",
      maxBadRecords: 0,
      ignoreUnknownValues: false,
    };
  }
}

/** True where the job failed because of the data, and will every time. */
function isObjectFault({ reason, message }: ApiError): boolean {
  return (
    reason === "invalid" && /reading data|JSON|parsing|row|too many errors|required|schema/i.test(message)
  );
}

/** An object that is gone by now is noticed when the generations are looked at again; here the job is only tried anew. */
function isPassing(fault: ApiError): boolean {
  return isTransient(fault) || ["stopped", "notFound"].includes(fault.reason);
}

function objectFault(job: Job, fault: ApiError, sources: readonly Source[]): ObjectFaultError {
  const said = [job.status?.errorResult, ...(job.status?.errors ?? [])]
    .map((each) => `${each?.location ?? ""} ${each?.message ?? ""}`)
    .join("\n");
  const named = sources.filter(({ uri }) => said.includes(uri)).map(({ uri }) => uri);
  const line = job.status?.errors?.find(({ message = "" }) => named.some((uri) => message.includes(uri)));
  return new ObjectFaultError(line?.message ?? fault.message, named);
}
