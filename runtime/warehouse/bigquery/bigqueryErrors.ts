import { codeOf, messageOf, printable, UserError } from "../../errors.ts";

/** An answer of BigQuery's that says no, or a request without an answer. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** HTTP status; undefined when no answer came. */
  readonly status: number | undefined;
  /** BigQuery's own word for it, e.g. `notFound`, `invalidQuery`. */
  readonly reason: string;

  constructor(message: string, status: number | undefined, reason: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/** What the client throws, by its message, status and reason alone: its errors carry the whole request, credentials included. */
export function apiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const fields: { code?: unknown; status?: unknown; errors?: unknown } =
    typeof error === "object" && error !== null ? error : {};
  const numbers = [fields.code, fields.status].map(Number).filter((code) => code >= 100 && code < 600);
  const first: unknown = Array.isArray(fields.errors) ? fields.errors[0] : undefined;
  const reason = typeof first === "object" && first !== null && "reason" in first ? String(first.reason) : "";
  return new ApiError(messageOf(error), numbers[0], reason || (codeOf(error) ?? ""));
}

const PASSING_REASONS = new Set([
  "rateLimitExceeded",
  "jobRateLimitExceeded",
  "userRateLimitExceeded",
  "backendError",
  "jobBackendError",
  "internalError",
  "jobInternalError",
  "tableUnavailable",
]);

/** True where the same request may well succeed a little later. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  if (PASSING_REASONS.has(error.reason)) return true;
  if (error.status === undefined) return !/credentials|authenticat/i.test(error.message);
  return [408, 429, 500, 502, 503, 504].includes(error.status);
}

/** True where a transaction was cancelled because of another one's. */
export function isConflict(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    /concurrent (update|transaction)|could not serialize|conflict|failed to commit/i.test(error.message)
  );
}

/** Whether the API said that something isn't there. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 404 || error.reason === "notFound");
}

const causes: readonly (readonly [RegExp, string])[] = [
  [
    /default credentials|Could not load the default|invalid_grant|invalid_rapt|reauth/i,
    "there are no (or no longer valid) Google credentials here; run `gcloud auth application-default login`",
  ],
  [
    /bytes billed|bytesBilledLimitExceeded/i,
    "the query would read more than is allowed for one; name fewer days, or raise maximumBytesBilled in the settings",
  ],
  [
    /Unrecognized name|not found inside|not present in table|not have a column/i,
    "its tables were made by an earlier version; run `pulumi up`, or `load --create` where no stack made them, which add what is new",
  ],
  [
    /quota ?exceeded/i,
    "a quota of the project is used up; the lake is complete: run `load` later, or have the quota raised",
  ],
  [/has not been used in project|API has not been/i, "run `gcloud services enable bigquery.googleapis.com`"],
  [/billing/i, "the project needs a billing account; link one in the Google Cloud console"],
  [
    /different location|not found in location|Cannot read and write in different/i,
    "bucket and dataset must lie in the same location, or the dataset in US",
  ],
];

/** An error of BigQuery's as one line with the remedy; anything else as it is. */
export function bigqueryError(error: unknown, url: string): unknown {
  if (!(error instanceof ApiError)) return error;
  const { message, status } = error;
  const said = printable(message.split("\n")[0] ?? "", 400);
  const user = (advice: string): UserError =>
    new UserError(`can't use the warehouse ${printable(url, 300)}: ${advice}`, { cause: error });
  const known = causes.find(([pattern]) => pattern.test(message))?.[1];
  if (known !== undefined) return user(`${known} (${said})`);
  if (status === 403)
    return user(
      `no permission (${said}); have this account granted the roles that docs/configuration.md names`,
    );
  if (status === 404 || error.reason === "notFound")
    return user(`${said}; make it with \`load --create\`, or by the stack`);
  if (status === undefined || status >= 500 || status === 429)
    return user(`BigQuery can't be reached or doesn't answer (${said}); run it again`);
  return user(said);
}
