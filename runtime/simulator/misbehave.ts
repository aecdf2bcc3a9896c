import type { Body } from "./bodies.ts";
import type { FaultKind } from "./faultKinds.ts";
import type { Reply } from "./reply.ts";

const HTML = { "content-type": "text/html" };
const JSON_TYPE = { "content-type": "application/json" };
/** As Cloudflare's edge writes its refusals where the client doesn't take HTML. */
const CDN = { "content-type": "text/plain; charset=UTF-8", server: "cloudflare" };
const BOM = Buffer.from("\u{feff}");

function page(title: string): string {
  return `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`;
}

/**
 * Answers with a fault that knows no rows; false where this isn't one. `luck` draws the details; `redirect` tells where a
 * redirect leads: to rows of another relay.
 */
export function failed(reply: Reply, fault: FaultKind, luck: number, redirect: () => string): boolean {
  switch (fault) {
    case "refused":
    case "down":
      reply.drop();
      return true;
    case "hang":
      return true;
    case "429":
      reply.send(429, { "content-type": "text/plain" }, "rate limit exceeded");
      return true;
    case "429-retry-after": {
      const seconds = 1 + (luck % 3);
      const date = new Date(Math.ceil(reply.dateMs / 1000 + seconds) * 1000).toUTCString();
      const after = luck % 2 === 0 ? String(seconds) : date;
      reply.send(429, { "retry-after": after }, `Too Many Requests! Wait for ${seconds}s`);
      return true;
    }
    case "408":
      reply.send(408, {});
      return true;
    case "500-html":
    case "500-for-an-hour":
      reply.send(500, HTML, page("500 Internal Server Error"));
      return true;
    case "502":
      reply.send(502, {});
      return true;
    case "503":
      reply.send(503, HTML, page("503 Service Temporarily Unavailable"));
      return true;
    case "204":
      reply.send(204, {});
      return true;
    case "403":
      reply.send(403, HTML, page("403 Forbidden"));
      return true;
    case "403-cdn":
      reply.send(403, CDN, "error code: 1020");
      return true;
    case "429-cdn":
      reply.send(429, CDN, "error code: 1015");
      return true;
    case "parked":
      reply.send(200, HTML, page("This domain is for sale"));
      return true;
    case "html-200":
      reply.send(200, HTML, page("Site maintenance"));
      return true;
    case "redirect":
      reply.send(302, { location: redirect() });
      return true;
    default:
      return false;
  }
}

/**
 * Answers with rows in a way that is at fault. False where the body is to be sent as any other: the fault is in its rows,
 * or strikes later. `zips`: whether relay and client speak gzip.
 */
export function spoiled(
  reply: Reply,
  fault: FaultKind,
  body: Body,
  { luck, zips }: { readonly luck: number; readonly zips: boolean },
): boolean {
  if (fault === "drip") reply.drip(JSON_TYPE, body.plain);
  else if (fault === "content-type") reply.send(200, { "content-type": "text/plain" }, body.plain);
  else if (fault === "typed-html") reply.send(200, HTML, body.plain);
  else if (fault === "bom") reply.send(200, JSON_TYPE, Buffer.concat([BOM, body.plain]));
  else if (fault === "encoding-odd")
    reply.send(200, { ...JSON_TYPE, "content-encoding": luck % 2 === 0 ? "utf-8" : "" }, body.plain);
  else if (fault === "error-row") reply.send(200, JSON_TYPE, withErrorRow(body, luck % 2 === 0));
  else if (fault === "404-empty")
    reply.send(404, JSON_TYPE, `${JSON.stringify({ code: 404, message: "nothing for this slot" })}\n`);
  else if (fault === "null-empty") reply.send(200, JSON_TYPE, "null\n");
  else if (fault === "cut-gzip" && zips) {
    const whole = body.zipped;
    const cut = whole.subarray(0, cutAt(whole.length, luck));
    reply.send(200, { ...JSON_TYPE, "content-encoding": "gzip" }, cut);
  } else if (fault === "cut-json" || fault === "cut-gzip") {
    const cut = body.plain.subarray(0, cutAt(body.plain.toString("latin1").trimEnd().length, luck));
    if (luck % 2 === 0) reply.send(200, JSON_TYPE, cut);
    else reply.breakOff(JSON_TYPE, cut);
  } else return false;
  return true;
}

/** Whether a fault strikes an answer with this body at all. */
export function strikes(fault: FaultKind, body: Body): boolean {
  return body.isEmpty || (fault !== "404-empty" && fault !== "null-empty");
}

/** An error object as the last element of the list, or as the only one. */
function withErrorRow(body: Body, alone: boolean): string {
  const error = '{"code":500,"message":"context deadline exceeded"}';
  return alone || body.isEmpty ? `[${error}]\n` : body.plain.toString().replace(/\]\s*$/, `,${error}]\n`);
}

/** Where a text of that length is cut: after its first character and before its last. */
function cutAt(length: number, luck: number): number {
  return 1 + (luck % Math.max(1, length - 1));
}
