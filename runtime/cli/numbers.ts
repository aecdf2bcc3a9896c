/** A whole number with thousands separators, as in 1,234,567. */
export function grouped(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 0 });
}

/** A count in three or four characters and a unit: 950, 7.2 k, 124 M, 1.2 G. */
export function scaledCount(value: number): string {
  return scaled(value, ["", " k", " M", " G", " T"]);
}

/** Bytes likewise, in powers of 1000: 950 B, 85.3 GB. */
export function scaledBytes(value: number): string {
  return scaled(value, [" B", " kB", " MB", " GB", " TB", " PB"]);
}

function scaled(value: number, units: readonly string[]): string {
  let rest = value;
  let unit = 0;
  // What would be rounded up to 1000 is one of the next unit.
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit++;
  }
  const digits = unit === 0 || rest >= 99.95 ? 0 : 1;
  return `${rest.toFixed(digits)}${units[unit] ?? ""}`;
}

/** Seconds as a person says them. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.ceil(seconds / 60)} min`;
  return seconds < 172_800 ? `${(seconds / 3600).toFixed(1)} h` : `${(seconds / 86_400).toFixed(1)} days`;
}

/** Time that has passed, to the second: 42 s, 3 min 07 s, 2 h 05 min. */
export function elapsed(seconds: number): string {
  const whole = Math.floor(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

/** Where nobody says how wide a terminal is. */
const USUAL_COLUMNS = 80;

/** Columns of what is written to: the terminal's own, else the variable COLUMNS, else 80. */
export function terminalColumns(stream: { readonly columns?: number | undefined }): number {
  const said = Number(process.env["COLUMNS"]);
  return stream.columns || (Number.isSafeInteger(said) && said > 0 ? said : USUAL_COLUMNS);
}

/** A sentence for people: on a terminal broken between its words, elsewhere as it is. It holds no command: those are copied. */
export function prose(line: string, stream: { readonly isTTY?: boolean; readonly columns?: number }): string {
  return stream.isTTY ? wrapped(line, terminalColumns(stream)).join("\n") : line;
}

/** A sentence broken at its spaces to lines of at most so many columns, those after the first indented by two more. */
export function wrapped(line: string, columns: number): string[] {
  const own = /^ */.exec(line)?.[0] ?? "";
  const lines: string[] = [];
  let rest = line;
  while (rest.length > columns && !rest.includes("\n")) {
    const at = rest.lastIndexOf(" ", columns);
    if (at <= own.length + 2) break;
    lines.push(rest.slice(0, at));
    rest = `${own}  ${rest.slice(at + 1)}`;
  }
  return [...lines, rest];
}
