import { codeOf, messageOf, printable, UserError } from "../../errors.ts";

/** An answer of Cloud Storage's that can't be what it sent: cut, garbled, or not matching its checksum. */
export class GarbledAnswerError extends Error {
  override readonly name = "GarbledAnswerError";
}

/** A transfer on which nothing has moved for too long. */
export class StalledError extends Error {
  override readonly name = "StalledError";
}

/** A refusal by the bucket's IAM policy; grants take minutes until they hold. */
export class AccessError extends UserError {
  override readonly name = "AccessError";
}

const PASSING_STATUS = new Set([408, 429, 500, 502, 503, 504]);
/** What Node, node-fetch and the client's streams call a connection that failed. */
const CONNECTION =
  /^(E(CONN|PIPE|TIMEDOUT|AI_AGAIN|NOTFOUND|HOSTUNREACH|NETUNREACH|NETDOWN|PROTO)|ERR_STREAM_PREMATURE_CLOSE|ABORT_ERR|ERR_SOCKET)/;
/** node-fetch's `type` of the same. */
const FETCH_TYPES = new Set(["system", "request-timeout", "body-timeout", "aborted", "premature-close"]);
const BROKEN = /socket hang up|Premature close/;
const NO_CREDENTIALS =
  /default credentials|invalid_grant|invalid_rapt|reauth|Anonymous caller|Unable to detect a Project Id/i;

/** The HTTP status behind whatever the client threw, or undefined when no answer came, or a good one not wholly. */
export function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const fields = error as {
    code?: unknown;
    status?: unknown;
    response?: { status?: unknown; statusCode?: unknown };
  };
  return [fields.code, fields.status, fields.response?.status, fields.response?.statusCode]
    .map(Number)
    .find((status) => status >= 300 && status < 600);
}

/** True where the same request may succeed a little later, and may have had its effect already. */
export function isPassing(error: unknown): boolean {
  if (error instanceof GarbledAnswerError || error instanceof StalledError) return true;
  if (error instanceof UserError || NO_CREDENTIALS.test(messageOf(error))) return false;
  const status = statusOf(error);
  // Bytes that were changed on the way are refused by their checksum.
  if (status === 400 && /crc32c|md5/i.test(messageOf(error))) return true;
  if (status !== undefined) return PASSING_STATUS.has(status);
  const type: unknown = typeof error === "object" && error !== null && "type" in error ? error.type : "";
  return (
    CONNECTION.test(codeOf(error) ?? "") || FETCH_TYPES.has(String(type)) || BROKEN.test(messageOf(error))
  );
}

/** What the person can mend, as one line that says how; anything else as it is. */
export function storageError(
  error: unknown,
  what: string,
  bucket: string,
  option: "--lake" | "--out" = "--lake",
): unknown {
  if (error instanceof UserError) return error;
  const said = printable(saidBy(error), 300);
  // The client's errors carry the whole request, credentials included.
  const cause = new Error(said);
  const user = (advice: string): UserError => new UserError(`can't ${what}: ${advice}`, { cause });
  const status = statusOf(error);
  if (status === 401 || NO_CREDENTIALS.test(messageOf(error)))
    return user(
      "there are no (or no longer valid) Google credentials here; run `gcloud auth application-default login`",
    );
  if (status === 403)
    return new AccessError(
      `can't ${what}: no permission (${said}); have this account granted storage.objectUser and storage.legacyBucketReader on gs://${bucket}`,
      { cause },
    );
  if (status === 404)
    return user(
      `there is no bucket ${bucket}; make it with \`gcloud storage buckets create gs://${bucket}\`, or choose another ${option}`,
    );
  if (isPassing(error))
    return user(`Cloud Storage can't be reached or doesn't answer (${said}); run it again`);
  if (status !== undefined) return user(`Cloud Storage refuses it (${status}: ${said})`);
  return error;
}

/** The first line of what an error, or an answer that is thrown as one, says. */
export function saidBy(error: unknown): string {
  const fields: { errors?: unknown; message?: unknown } =
    typeof error === "object" && error !== null ? error : {};
  const first: unknown = Array.isArray(fields.errors) ? fields.errors[0] : undefined;
  const inner =
    typeof first === "object" && first !== null && "message" in first ? String(first.message) : "";
  const said = inner || (typeof fields.message === "string" ? fields.message : "");
  return said.split("\n")[0] || `status ${statusOf(error)}`;
}
