/** Lines of standard error outside a terminal: what each says, in the order in which they came. Throws for a line that is no log line. */
export function saidIn(stderr: string): string[] {
  return stderr
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const { severity, time, message } = JSON.parse(line) as Record<string, unknown>;
      const isDated = typeof time === "string" && new Date(time).toISOString() === time;
      const isGraded = ["DEBUG", "INFO", "WARNING", "ERROR"].includes(String(severity));
      if (!isDated || !isGraded || typeof message !== "string") throw new Error(`no log line: ${line}`);
      return message;
    });
}
