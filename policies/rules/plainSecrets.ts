import { onTypes, resourceRule } from "./common/rule.ts";
import { texts } from "./common/unknown.ts";

/** What a secret looks like by itself. */
const SHAPES: Readonly<Record<string, RegExp>> = {
  "a private key": /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  "an API key": /\bAIza[\w-]{35}\b/,
  "an access token": /\bya29\.[\w-]{20,}|\bgh[opsu]_\w{36}\b|\bxox[abprs]-[\w-]{10,}/,
  "a URL with credentials": /\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@"]+:[^\s/@"]+@/i,
};
/** What a setting with a secret is called. */
const NAMES = /(?:^|[_-])(?:secret|token|password|passphrase|credentials?|private[_-]?key|api[_-]?key)$/i;
const ENV_NAME = /^(?<entry>.*\benvs?\.\d+)\.name$/;

export const plainSecrets = resourceRule(
  {
    name: "plain-secrets",
    severity: "critical",
    description:
      "No secret stands in plain text in a resource: whoever may look at the service or the stack's state would read it.",
    remedy: "Keep it in Secret Manager and refer to it (valueSource.secretKeyRef)",
  },
  onTypes(
    (type) => type.startsWith("gcp:") || type.startsWith("kubernetes:"),
    (props) => {
      const all = new Map(texts(props));
      return [...shaped(all), ...named(all)];
    },
  ),
);

type Texts = ReadonlyMap<string, string | undefined>;

/** The value itself is never shown. */
function shaped(all: Texts): string[] {
  return [...all].flatMap(([path, text]) =>
    Object.entries(SHAPES)
      .filter(([, shape]) => text !== undefined && shape.test(text))
      .map(([what]) => `${path} holds ${what}`),
  );
}

/** Environment variables that are called like a secret and have a value of their own, known yet or not. */
function named(all: Texts): string[] {
  return [...all].flatMap(([path, name]) => {
    const entry = ENV_NAME.exec(path)?.groups?.["entry"];
    if (entry === undefined || name === undefined || !NAMES.test(name)) return [];
    const plain = all.has(`${entry}.value`) && all.get(`${entry}.value`) !== "";
    return plain ? [`Environment variable ${name} holds its value in plain text`] : [];
  });
}
