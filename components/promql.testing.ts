/** A log line as Cloud Logging keeps one of a service. */
export interface LogEntry {
  /** Unix s. */
  readonly time: number;
  readonly severity: string;
  readonly resource: { readonly type: string; readonly labels: Readonly<Record<string, string>> };
  readonly jsonPayload: Readonly<Record<string, unknown>>;
}

/** The part of a log-based metric that makes numbers of lines. */
export interface LogMetric {
  readonly name: string;
  readonly filter: string;
  readonly labelExtractors?: Readonly<Record<string, string>>;
  readonly valueExtractor?: string;
}

/** One point of a metric; a line that is counted has the value 1. */
interface Point {
  readonly time: number;
  readonly value: number;
  readonly labels: Labels;
}

type Labels = Readonly<Record<string, string>>;
type Vector = readonly { readonly labels: Labels; readonly value: number }[];

const SEVERITIES = ["DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL"];

/** Whether a filter, in the part of Cloud Logging's language that this project uses, takes a line. Throws on any other part. */
export function takes(filter: string, entry: LogEntry): boolean {
  return filter.split(/ AND /).every((condition) => {
    const severity = /^severity>=([A-Z]+)$/.exec(condition);
    if (severity) return SEVERITIES.indexOf(entry.severity) >= SEVERITIES.indexOf(severity[1] ?? "");
    const match = /^([\w.]+)=(?:"([^"]*)"|\(("[^"]*"(?: OR "[^"]*")*)\))$/.exec(condition);
    if (!match) throw new Error(`not a condition that is understood: ${condition}`);
    const [, path = "", one, several] = match;
    const allowed =
      one === undefined ? (several ?? "").split(" OR ").map((text) => text.slice(1, -1)) : [one];
    return allowed.includes(String(at(entry, path)));
  });
}

function at(entry: LogEntry, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], entry);
}

function extracted(entry: LogEntry, extractor: string): unknown {
  const match = /^EXTRACT\(([\w.]+)\)$/.exec(extractor);
  if (!match) throw new Error(`not an extractor that is understood: ${extractor}`);
  return at(entry, match[1] ?? "");
}

/** The points that a metric makes of lines. */
function pointsOf(metric: LogMetric, entries: readonly LogEntry[]): Point[] {
  return entries
    .filter((entry) => takes(metric.filter, entry))
    .flatMap((entry) => {
      const value = metric.valueExtractor === undefined ? 1 : extracted(entry, metric.valueExtractor);
      // Cloud Logging drops a line whose value is no number.
      if (typeof value !== "number") return [];
      const own = Object.entries(metric.labelExtractors ?? {}).map(([key, extractor]) => [
        key,
        String(extracted(entry, extractor)),
      ]);
      const { type, labels } = entry.resource;
      return [
        {
          time: entry.time,
          value,
          labels: { ...labels, monitored_resource: type, ...Object.fromEntries(own) } as Labels,
        },
      ];
    });
}

/** The part of an alert's condition that says when it fires. */
export interface PrometheusCondition {
  readonly query: string;
  /** `1800s` */
  readonly duration: string;
  readonly evaluationInterval: string;
}

/**
 * What an alert fires for at a time (Unix s): what its query has had an answer for at each evaluation as long as its duration,
 * since the policy was made. The query is in the part of PromQL that this project uses; throws on any other part.
 */
export function firing(
  { query, duration, evaluationInterval }: PrometheusCondition,
  metrics: readonly LogMetric[],
  entries: readonly LogEntry[],
  { now, madeAt }: { readonly now: number; readonly madeAt: number },
): Vector {
  const points = pointsFor(query, metrics, entries);
  const [lasting, step] = [Number.parseInt(duration, 10), Number.parseInt(evaluationInterval, 10)];
  if (now - lasting < madeAt) return [];
  const at = (time: number) => vectorOf(new Parser(query, points, time).whole());
  let found = at(now);
  for (let time = now - step; time >= now - lasting && found.length > 0; time -= step) {
    const keys = new Set(at(time).map(({ labels }) => keyOf(labels)));
    found = found.filter(({ labels }) => keys.has(keyOf(labels)));
  }
  return found;
}

/** The points of all series that a query speaks of. */
function pointsFor(
  query: string,
  metrics: readonly LogMetric[],
  entries: readonly LogEntry[],
): ReadonlyMap<string, readonly Point[]> {
  const points = new Map<string, Point[]>();
  for (const metric of metrics.filter(({ name }) => query.includes(name))) {
    const made = pointsOf(metric, entries);
    const name = `logging_googleapis_com:user_${metric.name}`;
    if (metric.valueExtractor === undefined) points.set(name, made);
    else {
      points.set(`${name}_sum`, made);
      points.set(
        `${name}_count`,
        made.map((point) => ({ ...point, value: 1 })),
      );
    }
  }
  return points;
}

type Value = number | Vector;

function vectorOf(value: Value): Vector {
  return typeof value === "number" ? [{ labels: {}, value }] : value;
}

class Parser {
  readonly #tokens: readonly string[];
  readonly #points: ReadonlyMap<string, readonly Point[]>;
  readonly #now: number;
  #index = 0;

  constructor(query: string, points: ReadonlyMap<string, readonly Point[]>, now: number) {
    this.#tokens =
      query.match(/"[^"]*"|[A-Za-z_:][\w:]*|\d+[mh]|\d+(?:\.\d+)?|=~|>=|[=<>+*/(){}[\],]/g) ?? [];
    if (this.#tokens.join("").replaceAll(" ", "") !== query.replaceAll(" ", ""))
      throw new Error(`not understood: ${query}`);
    this.#points = points;
    this.#now = now;
  }

  whole(): Value {
    const value = this.#either();
    if (this.#index < this.#tokens.length) throw new Error(`left over: ${this.#tokens[this.#index]}`);
    return value;
  }

  #either(): Value {
    let left = this.#compared();
    while (this.#next("or")) {
      const right = this.#compared();
      const keys = new Set(vectorOf(left).map(({ labels }) => keyOf(labels)));
      left = [...vectorOf(left), ...vectorOf(right).filter(({ labels }) => !keys.has(keyOf(labels)))];
    }
    return left;
  }

  #compared(): Value {
    const left = this.#sum();
    for (const [sign, holds] of [
      [">=", (a: number, b: number) => a >= b],
      [">", (a: number, b: number) => a > b],
      ["<", (a: number, b: number) => a < b],
    ] as const) {
      if (!this.#next(sign)) continue;
      const right = this.#sum();
      if (typeof right !== "number") throw new Error("compared with something other than a number");
      return vectorOf(left).filter(({ value }) => holds(value, right));
    }
    return left;
  }

  #sum(): Value {
    let left = this.#product();
    while (this.#next("+")) left = combined(left, this.#product(), (a, b) => a + b);
    return left;
  }

  #product(): Value {
    let left = this.#atom();
    for (;;) {
      if (this.#next("*")) left = combined(left, this.#atom(), (a, b) => a * b);
      else if (this.#next("/")) left = combined(left, this.#atom(), (a, b) => a / b);
      else return left;
    }
  }

  #atom(): Value {
    if (this.#next("(")) {
      const value = this.#either();
      this.#expect(")");
      return value;
    }
    const word = this.#take();
    if (/^\d/.test(word)) return Number(word);
    if (word === "sum") {
      const by = this.#next("by") ? this.#names() : [];
      this.#expect("(");
      const inner = vectorOf(this.#either());
      this.#expect(")");
      return grouped(inner, by);
    }
    if (word !== "increase" && word !== "absent_over_time") throw new Error(`not understood: ${word}`);
    this.#expect("(");
    const { points, equal } = this.#range();
    this.#expect(")");
    if (word === "increase") return grouped(points, undefined);
    return points.length === 0 ? [{ labels: equal, value: 1 }] : [];
  }

  /** The points of a selector within its window. */
  #range(): { points: readonly Point[]; equal: Labels } {
    const name = this.#take();
    const all = this.#points.get(name);
    if (!all) throw new Error(`no metric makes ${name}`);
    const equal: Record<string, string> = {};
    const matchers: ((labels: Labels) => boolean)[] = [];
    this.#expect("{");
    do {
      const label = this.#take();
      const sign = this.#take();
      const text = this.#take().slice(1, -1);
      if (sign === "=") equal[label] = text;
      const form = sign === "=~" ? new RegExp(`^(?:${text})$`) : undefined;
      matchers.push((labels) => (form ? form.test(labels[label] ?? "") : labels[label] === text));
    } while (this.#next(","));
    this.#expect("}");
    this.#expect("[");
    const [, count, unit] = /^(\d+)([mh])$/.exec(this.#take()) ?? [];
    this.#expect("]");
    const since = this.#now - Number(count) * (unit === "h" ? 3600 : 60);
    const points = all.filter(
      ({ time, labels }) => time > since && time <= this.#now && matchers.every((matches) => matches(labels)),
    );
    return { points, equal };
  }

  #names(): string[] {
    const names: string[] = [];
    this.#expect("(");
    do names.push(this.#take());
    while (this.#next(","));
    this.#expect(")");
    return names;
  }

  #take(): string {
    const token = this.#tokens[this.#index++];
    if (token === undefined) throw new Error("ends too early");
    return token;
  }

  #next(token: string): boolean {
    if (this.#tokens[this.#index] !== token) return false;
    this.#index++;
    return true;
  }

  #expect(token: string): void {
    const found = this.#take();
    if (found !== token) throw new Error(`${token} expected, ${found} found`);
  }
}

function keyOf(labels: Labels): string {
  return JSON.stringify(
    Object.keys(labels)
      .toSorted()
      .map((key) => [key, labels[key]]),
  );
}

/** Sums by labels; by all of them for undefined. */
function grouped(vector: Vector, by: readonly string[] | undefined): Vector {
  const groups = new Map<string, { labels: Labels; value: number }>();
  for (const { labels, value } of vector) {
    const kept = by ? Object.fromEntries(by.map((name) => [name, labels[name] ?? ""])) : labels;
    const group = groups.get(keyOf(kept)) ?? { labels: kept, value: 0 };
    group.value += value;
    groups.set(keyOf(kept), group);
  }
  return [...groups.values()];
}

/** Two vectors by equal labels; a number goes with everything. */
function combined(left: Value, right: Value, with_: (a: number, b: number) => number): Value {
  if (typeof left === "number" && typeof right === "number") return with_(left, right);
  if (typeof left === "number")
    return vectorOf(right).map((one) => ({ ...one, value: with_(left, one.value) }));
  if (typeof right === "number") return left.map((one) => ({ ...one, value: with_(one.value, right) }));
  return left.flatMap((one) => {
    const other = right.find(({ labels }) => keyOf(labels) === keyOf(one.labels));
    return other ? [{ labels: one.labels, value: with_(one.value, other.value) }] : [];
  });
}
