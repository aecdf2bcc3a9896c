import { onTypes, resourceRule } from "./common/rule.ts";
import { texts } from "./common/unknown.ts";

/** The environment variable in which a stack's relays stand. */
const VARIABLE = "ETL_RELAYS";
const ENTRY = /^(?<entry>.*\benvs?\.\d+)\.name$/;
const SECRET_VERSION = /^projects\/[^/\s]+\/secrets\/[\w-]+\/versions\/(?:\d+|latest)$/;

export const relayHeaders = resourceRule(
  {
    name: "relay-headers",
    severity: "critical",
    description:
      "A relay's headers name the secrets that hold their values: whoever may look at the service, the Job or the stack's state would read a value that stands there.",
    remedy:
      "Put the value into Secret Manager and name its version, projects/PROJECT/secrets/SECRET/versions/NUMBER",
  },
  onTypes(
    (type) => type.startsWith("gcp:") || type.startsWith("kubernetes:"),
    (props) => {
      const all = new Map(texts(props));
      return [...all].flatMap(([path, name]) => {
        const entry = ENTRY.exec(path)?.groups?.["entry"];
        return entry !== undefined && name === VARIABLE ? plainHeaders(all.get(`${entry}.value`)) : [];
      });
    },
  ),
);

/** The value itself is never shown. */
function plainHeaders(value: string | undefined): string[] {
  return entriesOf(parsed(value)).flatMap(([relay, one]) =>
    entriesOf(entriesOf(one).find(([key]) => key === "headers")?.[1])
      .filter(([, said]) => typeof said !== "string" || !SECRET_VERSION.test(said))
      .map(([header]) => `${VARIABLE} holds the value of ${relay}'s header ${header}`),
  );
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

/** Text that isn't JSON is a mistake that the service itself names. */
function parsed(value: string | undefined): unknown {
  try {
    return value === undefined ? undefined : JSON.parse(value);
  } catch {
    return undefined;
  }
}
