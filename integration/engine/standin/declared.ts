import given from "./declared.json" with { type: "json" };

/** A property as an SDK declares it. */
export interface DeclaredProperty {
  /** `string`, `number`, `boolean`, `any`; `T[]` a list, `{T}` a map, `@module.Name` one of the shapes. */
  readonly type: string;
  readonly required?: true;
  /** Its text says that a change of it makes another object. */
  readonly replaces?: true;
}

export type Properties = Readonly<Record<string, DeclaredProperty>>;

/** What the SDKs declare of the types that are used. Written by declare.ts. */
export interface Declared {
  /** Versions of the packages that were read. */
  readonly versions: Record<string, string>;
  readonly types: Record<
    string,
    {
      readonly inputs: Properties;
      /** `always`: never undefined, so the provider or the server fills it. */
      readonly outputs: Readonly<Record<string, { readonly type: string; readonly always?: true }>>;
    }
  >;
  /** Objects inside arguments, by `package.module.Name`. */
  readonly shapes: Record<string, Properties>;
}

export const declared: Declared = given as Declared;
