/** A column type of a parameter. */
export type ScalarType = "STRING" | "INT64" | "TIMESTAMP";

/** A value of a parameter; times are texts, and so may integers be. */
export type Scalar = string | number | null;

/** A list of structs, as a query's parameter: types are always told, since an empty list or a null shows none. */
export interface Parameter {
  readonly fields: Readonly<Record<string, ScalarType>>;
  readonly rows: readonly Readonly<Record<string, Scalar>>[];
}

/** The type of a parameter as GoogleSQL writes it. */
export function parameterType({ fields }: Pick<Parameter, "fields">): string {
  return `ARRAY<STRUCT<${Object.entries(fields)
    .map(([name, type]) => `${name} ${type}`)
    .join(", ")}>>`;
}

/** Parameters in the form of the REST API. */
export function parameters(given: Readonly<Record<string, Parameter>>): object[] {
  return Object.entries(given).map(([name, { fields, rows }]) => ({
    name,
    parameterType: {
      type: "ARRAY",
      arrayType: {
        type: "STRUCT",
        structTypes: Object.entries(fields).map(([field, type]) => ({ name: field, type: { type } })),
      },
    },
    parameterValue: {
      arrayValues: rows.map((row) => ({
        structValues: Object.fromEntries(
          Object.keys(fields).map((field) => {
            const value = row[field] ?? null;
            return [field, { value: value === null ? null : String(value) }];
          }),
        ),
      })),
    },
  }));
}
