import type { Clock } from "../chain/clock.ts";
import type { Body } from "./bodies.ts";
import type { FaultKind } from "./faults.ts";
import type { Reply } from "./reply.ts";

export interface Misbehaviour {
  /** Draws the details of the fault. */
  readonly luck: number;
  readonly clock: Clock;
  /** Whether relay and client speak gzip. */
  readonly zips: boolean;
  /** Where a redirect leads: to rows of another relay. */
  readonly redirect: () => string;
}

const HTML = { "content-type": "text/html" };
const JSON_TYPE = { "content-type": "application/json" };

function page(title: string): string {
  return `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`;
}

/** Answers with a fault that knows no rows; false where this isn't one. */
export function failed(reply: Reply, fault: FaultKind, { luck, clock, redirect }: Misbehaviour): boolean {
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
      const date = new Date(Math.ceil(clock.now() / 1000 + seconds) * 1000).toUTCString();
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
 * or strikes later.
 */
export function spoiled(reply: Reply, fault: FaultKind, body: Body, { luck, zips }: Misbehaviour): boolean {
  if (fault === "drip") reply.drip(JSON_TYPE, body.plain);
  else if (fault === "content-type") reply.send(200, { "content-type": "text/plain" }, body.plain);
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

/** Where a text of that length is cut: after its first character and before its last. */
function cutAt(length: number, luck: number): number {
  return 1 + (luck % Math.max(1, length - 1));
}
