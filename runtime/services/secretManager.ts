import { GoogleAuth, PassThroughClient } from "google-auth-library";
import { UserError, messageOf, printable } from "../errors.ts";

/** A request is given up after this time, ms. */
const REQUEST_MS = 20_000;
/** How often a request is sent again that fails in a way that passes. */
const RETRIES = 3;

/** What reads the version of a secret, `projects/PROJECT/secrets/SECRET/versions/VERSION`. */
export type ReadSecret = (version: string) => Promise<string>;

/**
 * Reads secrets from Google's Secret Manager as whoever runs this; `SECRET_MANAGER_EMULATOR_HOST` (host and port, or a URL)
 * leads elsewhere, without credentials. Throws UserError that names the secret and what to do: exit 2 for one that isn't there.
 */
export function secretReader(emulator = process.env["SECRET_MANAGER_EMULATOR_HOST"]): ReadSecret {
  const base = emulator
    ? emulator.replace(/^(?!https?:\/\/)/, "http://").replace(/\/+$/, "")
    : "https://secretmanager.googleapis.com";
  const auth = new GoogleAuth({
    scopes: ["https://www.googleapis.com/auth/cloud-platform"],
    ...(emulator ? { authClient: new PassThroughClient() } : {}),
  });
  return async (version) => {
    try {
      const { data } = await auth.request<{ payload?: { data?: string } }>({
        url: `${base}/v1/${version}:access`,
        timeout: REQUEST_MS,
        retryConfig: { retry: RETRIES },
      });
      return Buffer.from(data.payload?.data ?? "", "base64").toString("utf8");
    } catch (error) {
      throw explained(error, version);
    }
  };
}

/** The client's errors carry the whole request and answer: only what they say is kept, and the status. */
function explained(error: unknown, version: string): UserError {
  const said = printable(messageOf(error), 300);
  const status = statusOf(error);
  const cause = Object.assign(new Error(said), status === undefined ? {} : { status });
  const [advice, exitCode] = adviceOn(status, version);
  return new UserError(`can't read ${version}: ${advice}`, { cause, exitCode });
}

function adviceOn(status: number | undefined, version: string): readonly [string, number] {
  if (status === 404) return ["there is no such secret or version; add it, or name another", 2];
  if (status === 400) return ["this version is disabled or destroyed; enable it, or name another", 2];
  if (status === 401 || status === 403) {
    const secret = version.replace(/\/versions\/.*$/, "");
    return [`no permission; grant this account roles/secretmanager.secretAccessor on ${secret}`, 1];
  }
  const answer = status === undefined ? "no answer" : `status ${status}`;
  return [`Secret Manager can't be asked (${answer}); try again, and see that its API is on`, 1];
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { status, response } = error as { status?: unknown; response?: { status?: unknown } };
  return [status, response?.status].map(Number).find((answered) => answered >= 300 && answered < 600);
}
