import * as E from "fp-ts/lib/Either.js";
import * as t from "io-ts";
import { printable, UserError } from "../errors.ts";
import type { Format } from "./formats.ts";
import type { Setting } from "./shared.ts";

/** A setting as an environment carries it. */
export interface Variable<A> {
  readonly name: string;
  readonly setting: Setting<A>;
  /** True: it is off where it isn't given. */
  readonly optional?: true;
}

type ValueOf<V> = V extends { readonly setting: { readonly format: Format<infer A> } } ? A : never;

/** The settings that variables carry: what may be off is optional. */
export type SettingsOf<V> = {
  readonly [K in keyof V as V[K] extends { readonly optional: true } ? never : K]: ValueOf<V[K]>;
} & { readonly [K in keyof V as V[K] extends { readonly optional: true } ? K : never]?: ValueOf<V[K]> };

/** The variable of each setting of a program. */
export type Variables<S> = { readonly [K in keyof Required<S>]: Variable<Exclude<S[K], undefined>> };

/** What holds between settings; not asked where one of those that it needs is missing or has another form. */
export interface SettingRule<S> {
  readonly needs: readonly (keyof S)[];
  /** What is wrong, one line a fault, each beginning with the variable's name. */
  readonly faults: (settings: S) => readonly string[];
}

/** A variable that the platform sets, and that no stack may set. */
export interface PlatformVariable<S, A> {
  readonly name: string;
  /** `settings` are undefined where they are wrong. */
  readonly format: (settings: S | undefined) => Format<A>;
  readonly default?: A;
}

type Texts = Readonly<Record<string, unknown>>;

/** The environment of a program as one type: whoever renders it and whoever reads it hold it to the same rules. */
export class Environment<S extends object> {
  /** The names of all variables, in the order of the documentation. */
  readonly names: readonly string[];
  /**
   * `encode` gives the variables that are set (absent ones are off); `decode` reads them back, and names all faults at once;
   * `is` holds settings to the same rules.
   */
  readonly codec: t.Type<S, Record<string, string>, unknown>;
  readonly #variables: readonly (readonly [keyof S & string, Variable<unknown>])[];
  readonly #rules: readonly SettingRule<S>[];

  constructor(name: string, variables: Variables<S>, rules: readonly SettingRule<S>[]) {
    this.#variables = Object.entries(variables) as [keyof S & string, Variable<unknown>][];
    this.#rules = rules;
    this.names = this.#variables.map(([, variable]) => variable.name);
    this.codec = new t.Type<S, Record<string, string>, unknown>(
      name,
      (u): u is S => isObject(u) && this.#holds(u) && this.faultsOf(u as S).length === 0,
      (u, context) => {
        if (!isObject(u)) return t.failure(u, context, "not an environment");
        const { settings, faults } = this.read(u);
        if (settings) return t.success(settings);
        return t.failures(faults.map((message) => ({ value: undefined, context, message })));
      },
      (settings) => this.#encode(settings),
    );
  }

  /** What is wrong with settings, one line a fault; none when they are right. For whoever renders them. */
  faultsOf(settings: S): readonly string[] {
    return this.read(this.#encode(settings)).faults;
  }

  /** Reads an environment; `settings` are absent where there is any fault, and all faults are named. */
  read(env: Texts): { readonly settings?: S; readonly faults: readonly string[] } {
    const faults: string[] = [];
    const wrong = new Set<keyof S>();
    const values: Partial<Record<keyof S, unknown>> = {};
    for (const [key, variable] of this.#variables) {
      const { value, fault } = readVariable(variable, env[variable.name]);
      if (fault !== undefined) {
        wrong.add(key);
        faults.push(fault);
      } else if (value !== undefined) values[key] = value;
    }
    for (const name of Object.keys(env))
      if (name.startsWith("ETL_") && !this.names.includes(name))
        faults.push(`${printable(name, 60)}: no such setting`);
    const settings = values as S;
    for (const rule of this.#rules)
      if (!rule.needs.some((key) => wrong.has(key))) faults.push(...rule.faults(settings));
    return faults.length > 0 ? { faults } : { settings, faults };
  }

  /** Reads an environment and what the platform says beside it. Throws UserError (exit 2) that names every fault. */
  readWith<A>(env: Texts, { name, format, ...rest }: PlatformVariable<S, A>): { settings: S; value: A } {
    const { settings, faults } = this.read(env);
    const beside = readVariable(
      { name, setting: { format: format(settings), meaning: "", ...rest } },
      env[name],
    );
    const all = beside.fault === undefined ? faults : [...faults, beside.fault];
    if (settings && beside.value !== undefined) return { settings, value: beside.value };
    throw faultsError(all);
  }

  /** Reads an environment to which the platform adds nothing. Throws UserError (exit 2) that names every fault. */
  readAlone(env: Texts): S {
    const { settings, faults } = this.read(env);
    if (settings) return settings;
    throw faultsError(faults);
  }

  /** Rows for the documentation: variable, meaning, what is allowed, and what holds without it. */
  table(): readonly (readonly string[])[] {
    return this.#variables.map(([, { name, setting, optional }]) => {
      const { format, meaning, default: value } = setting;
      const without = optional ? "off" : value === undefined ? "refused" : format.encode(value) || "none";
      return [`\`${name}\``, meaning, format.name, without === "{}" ? "nothing" : without];
    });
  }

  #holds(u: Readonly<Record<string, unknown>>): boolean {
    return this.#variables.every(([key, { setting, optional }]) =>
      u[key] === undefined ? optional === true : setting.format.is(u[key]),
    );
  }

  #encode(settings: S): Record<string, string> {
    const env: Record<string, string> = {};
    for (const [key, { name, setting }] of this.#variables) {
      const value = settings[key];
      const text = value === undefined ? "" : setting.format.encode(value);
      if (text !== "") env[name] = text;
    }
    return env;
  }
}

function readVariable<A>(
  { name, setting, optional }: Variable<A>,
  written: unknown,
): { readonly value?: A; readonly fault?: string } {
  const { format, unspoken } = setting;
  if (written === undefined || written === "") {
    if (setting.default !== undefined) return { value: setting.default };
    return optional ? {} : { fault: `${name}: missing; give ${format.name}` };
  }
  const result = typeof written === "string" ? format.decode(written) : undefined;
  if (result && E.isRight(result)) return { value: result.right };
  const said = unspoken || typeof written !== "string" ? "this" : `"${printable(written, 100)}"`;
  return { fault: `${name}: ${said} isn't ${format.name}` };
}

function faultsError(faults: readonly string[]): UserError {
  const count = faults.length === 1 ? "1 setting is" : `${faults.length} settings are`;
  return new UserError(`${count} wrong: ${faults.join("; ")}`, { exitCode: 2 });
}

function isObject(u: unknown): u is Record<string, unknown> {
  return typeof u === "object" && u !== null;
}
