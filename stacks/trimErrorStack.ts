/**
 * Does the work; an error of it goes on without the frames of other packages. Pulumi formats an error with colours before
 * it shows the message alone, and Node.js 20, colouring a path such as `node_modules/@pulumi/resource.ts` (so Pulumi's
 * source maps write it), never comes to the end of the line: gigabytes and a minute for a mistake in the config.
 */
export function trimErrorStack<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Error && error.stack !== undefined)
      error.stack = error.stack
        .split("\n")
        .filter((line) => !line.includes("node_modules"))
        .join("\n");
    throw error;
  }
}
