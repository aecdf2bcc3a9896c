/** A URL as it may be asked, and the headers that its user part stands for. */
export interface SplitUrl {
  /** Without user part and fragment; the query stays. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Relays' URLs often carry their BLS public key as the user (MEV-Boost's configuration): it is no credential. */
export const PUBLIC_KEY = /^0x[0-9a-f]{96}$/i;

/**
 * Takes the user part out of a URL, since `fetch` refuses it there, and makes it the header of HTTP Basic authentication
 * (RFC 7617). Throws TypeError where the text is no URL.
 */
export function splitCredentials(text: string): SplitUrl {
  const url = new URL(text);
  const { username, password } = url;
  url.username = url.password = url.hash = "";
  if (password === "" && (username === "" || PUBLIC_KEY.test(username)))
    return { url: url.href, headers: {} };
  const pair = Buffer.from(`${percentDecoded(username)}:${percentDecoded(password)}`);
  return { url: url.href, headers: { authorization: `Basic ${pair.toString("base64")}` } };
}

/**
 * A URL for messages: scheme and host as they are, the user part and the values of the query crossed out, the path left out,
 * since providers put keys there too.
 */
export function redacted(text: string): string {
  if (!URL.canParse(text) || new URL(text).host === "") return "***";
  const { protocol, username, password, host, pathname, searchParams } = new URL(text);
  const user = username === "" && password === "" ? "" : "***@";
  const query = [...searchParams.keys()].map((name) => `${encodeURIComponent(name)}=***`).join("&");
  return `${protocol}//${user}${host}${["", "/"].includes(pathname) ? "" : "/***"}${query === "" ? "" : `?${query}`}`;
}

/** A `%` that begins no escape stands for itself, as it does in a URL. */
function percentDecoded(text: string): string {
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (escapes) =>
    Buffer.from(escapes.replaceAll("%", ""), "hex").toString("utf8"),
  );
}
