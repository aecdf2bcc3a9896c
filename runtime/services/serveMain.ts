// The container's entry `serve bids|payloads`, settings from the environment. Everything but DuckDB is bundled in.
import { UserError, messageOf, printable } from "../errors.ts";
import { lineText, withoutCredentials } from "../log.ts";
import { cloudOpeners } from "./openers.ts";
import { serve } from "./serve.ts";

/** One line in Cloud Logging's form, for what happens before there is a log. */
function complain(message: string): void {
  process.stdout.write(`${lineText("ERROR", withoutCredentials(message))}\n`);
}

async function main([dataset, ...rest]: readonly string[]): Promise<number> {
  if ((dataset !== "bids" && dataset !== "payloads") || rest.length > 0) {
    complain("say what is to be served: serve bids, or serve payloads");
    return 2;
  }
  try {
    return await serve(dataset, process.env, cloudOpeners);
  } catch (error) {
    complain(printable(messageOf(error), 4000));
    return error instanceof UserError ? error.exitCode : 1;
  }
}

void main(process.argv.slice(2)).then((code) => process.exit(code));
