import test from "ava";
import { Command, InvalidArgumentError } from "commander";
import * as E from "fp-ts/lib/Either.js";
import fc from "fast-check";
import { decodeConfig } from "../../stacks/config.ts";
import { KEYS } from "../../stacks/configKeys.ts";
import { engineConfig } from "../../stacks/stacks.testing.ts";
import { addOptions } from "../cli/options.ts";
import { backloadEnvironment } from "./backloadSettings.ts";
import { serviceEnvironment } from "./serviceSettings.ts";
import { shared } from "./shared.ts";

const service = {
  ETL_NETWORK: "mainnet",
  ETL_LAKE: "gs://etl-lake",
  ETL_WAREHOUSE: "bigquery://etl-project/etl",
  ETL_STAGING_DATASET: "etl_staging",
  ETL_LOCATION: "US",
  ETL_RATE_SHARE: "0.9",
  ETL_INTERVAL_SECONDS: "1800",
};
const worker = {
  ETL_NETWORK: "mainnet",
  ETL_LAKE: "gs://etl-lake",
  ETL_RANGE: "5000000-5000009",
  ETL_SHARDS: "1",
};
const backload = { range: "5000000-5000009", shards: 100_000, parallelism: 1 };

interface Form {
  readonly setting: { readonly format: { decode(text: string): E.Either<unknown, unknown> } };
  readonly forms: readonly ((text: string) => boolean)[];
}

/** Whether a text is taken, by each form that a setting is given in. */
const FORMS: Readonly<Record<string, Form>> = {
  slots: {
    setting: shared.slots,
    forms: [
      (text) => isTaken("ETL_BACKLOAD", serviceEnvironment.read({ ...service, ETL_BACKLOAD: text }).faults),
      (text) => isParsed("--slots", text),
    ],
  },
  range: {
    setting: shared.slots,
    forms: [
      (text) =>
        backloadEnvironment
          .read({ ...worker, ETL_RANGE: text })
          .faults.every((fault) => fault.includes("lies before")),
      (text) =>
        mistakes({ backload: { ...backload, range: text } }).every((mistake) =>
          mistake.includes("first slot with"),
        ),
    ],
  },
  rate: {
    setting: shared.rate,
    forms: [
      (text) => isTaken("ETL_RATE", backloadEnvironment.read({ ...worker, ETL_RATE: text }).faults),
      (text) => isParsed("--rate", text),
    ],
  },
  order: {
    setting: shared.order,
    forms: [
      (text) => isTaken("ETL_ORDER", backloadEnvironment.read({ ...worker, ETL_ORDER: text }).faults),
      (text) => mistakes({ backload: { ...backload, order: text } }).length === 0,
    ],
  },
  dataset: {
    setting: shared.dataset,
    forms: [
      (text) => isTaken("ETL_DATASET", backloadEnvironment.read({ ...worker, ETL_DATASET: text }).faults),
      (text) => isParsed("--dataset", text),
    ],
  },
  tickSeconds: {
    setting: shared.tickSeconds,
    forms: [
      (text) =>
        isTaken("ETL_TICK_SECONDS", serviceEnvironment.read({ ...service, ETL_TICK_SECONDS: text }).faults),
      (text) => !mistakes({ tickSeconds: text }).some((mistake) => mistake.includes("is wrong")),
    ],
  },
  logLevel: {
    setting: shared.logLevel,
    forms: [
      (text) => isTaken("ETL_LOG_LEVEL", serviceEnvironment.read({ ...service, ETL_LOG_LEVEL: text }).faults),
      (text) => isTaken("ETL_LOG_LEVEL", backloadEnvironment.read({ ...worker, ETL_LOG_LEVEL: text }).faults),
      (text) => mistakes({ logLevel: text }).length === 0,
    ],
  },
};

function isTaken(name: string, faults: readonly string[]): boolean {
  return !faults.some((fault) => fault.startsWith(`${name}: `));
}

function mistakes(more: Readonly<Record<string, unknown>>): readonly string[] {
  const named = Object.entries(more).map(([key, value]) => [`mev-boost-etl:${key}`, value]);
  return decodeConfig(engineConfig("production", Object.fromEntries(named))).mistakes;
}

function isParsed(option: string, text: string): boolean {
  const command = addOptions(new Command("any"), ["range", "asking"]).exitOverride();
  command.configureOutput({ writeErr: () => {} });
  try {
    command.parse([`${option}=${text}`], { from: "user" });
    return true;
  } catch (error) {
    if (
      error instanceof InvalidArgumentError ||
      (error as { code?: string }).code === "commander.invalidArgument"
    )
      return false;
    throw error;
  }
}

const number = fc.oneof(fc.integer({ min: -2, max: 2000 }), fc.double({ min: 0, max: 2000, noNaN: true }));
const texts = fc.oneof(
  number.map(String),
  fc.tuple(fc.nat(20_000_000), fc.nat(20_000_000)).map(([first, last]) => `${first}-${last}`),
  fc.constantFrom(
    "newest",
    "oldest",
    "bids",
    "payloads",
    "debug",
    "info",
    "warn",
    "error",
    "none",
    "1e3",
    "007",
  ),
);

for (const [name, { setting, forms }] of Object.entries(FORMS)) {
  test(`every form of ${name} takes what the others do, and nothing else`, (t) => {
    fc.assert(
      fc.property(texts, (text) => {
        const taken = E.isRight(setting.format.decode(text));
        t.deepEqual(
          forms.map((form) => form(text)),
          forms.map(() => taken),
          text,
        );
      }),
      { numRuns: 200 },
    );
  });
}

test("defaults and meanings are said once: environment, config and command line have the same", (t) => {
  const said = Object.fromEntries(serviceEnvironment.table().map(([name = "", ...rest]) => [name, rest]));
  t.deepEqual(said["`ETL_TICK_SECONDS`"], [
    shared.tickSeconds.meaning,
    "whole seconds from 10 to 1740",
    String(KEYS.tickSeconds.default),
  ]);
  t.is(said["`ETL_LOG_LEVEL`"]?.[2], String(KEYS.logLevel.default));
  t.is(said["`ETL_MAX_BYTES_BILLED`"]?.[2], String(Number(KEYS.maxGigabytesBilled.default) * 2 ** 30));
  const options = addOptions(new Command("any"), ["range", "asking"]).options;
  const described = Object.fromEntries(options.map(({ long, description }) => [long, description]));
  t.is(described["--slots"], shared.slots.meaning);
  t.is(described["--rate"], shared.rate.meaning);
  t.is(described["--dataset"], shared.dataset.meaning);
});
