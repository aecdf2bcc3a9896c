// Writes standin/declared.json: what the SDKs' own type declarations say of every resource type that the stand-ins know.
// Run it when a type or a version is added: npm run declare
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { format } from "prettier";
import ts from "typescript";
import type { Declared, DeclaredProperty, Properties } from "./standin/declared.ts";
import { KINDS } from "./standin/kinds.ts";

const modules = join(import.meta.dirname, "../../node_modules/@pulumi");

interface Members {
  [name: string]: {
    readonly type: ts.TypeNode | undefined;
    readonly optional: boolean;
    readonly text: string;
  };
}

/** The types that one package declares, by the name that others refer to them by. */
class Package {
  readonly #folder: string;
  readonly #files = new Map<string, ts.SourceFile>();
  #shapes: Map<string, Members> | undefined;

  constructor(readonly name: string) {
    this.#folder = join(modules, name);
  }

  get version(): string {
    return (JSON.parse(readFileSync(join(this.#folder, "package.json"), "utf8")) as { version: string })
      .version;
  }

  /** The class of a token such as `gcp:bigquery/table:Table` and the interface of its arguments. */
  resource(token: string): { inputs: Members; outputs: Members } {
    const [, module = "", className = ""] = token.startsWith("pulumi:providers:")
      ? ["", "", "Provider"]
      : token.split(":");
    const group = module
      .replace("index", "")
      .replace(/\.k8s\.io\b/, "")
      .split("/");
    const folder = this.name === "kubernetes" ? group.join("/") : group.slice(0, -1).join("/");
    const wanted = `${className}.d.ts`.toLowerCase();
    const file = readdirSync(join(this.#folder, folder)).find((entry) => entry.toLowerCase() === wanted);
    if (file === undefined) throw new Error(`@pulumi/${this.name} declares no ${token}`);
    const source = this.#source(join(folder, file));
    const inputs = find(source, ts.isInterfaceDeclaration, `${className}Args`);
    const outputs = find(source, ts.isClassDeclaration, className);
    return { inputs: membersOf(source, inputs), outputs: membersOf(source, outputs) };
  }

  /** Interfaces of arguments inside arguments, by `module.Name`. */
  shape(name: string): Members {
    if (!this.#shapes) {
      this.#shapes = new Map();
      const file = readdirSync(join(this.#folder, "types")).includes("input.d.ts")
        ? "types/input.d.ts"
        : "types/input/index.d.ts";
      const source = this.#source(file);
      const gather = (statements: Iterable<ts.Statement>, inside: readonly string[]) => {
        for (const statement of statements) {
          if (ts.isInterfaceDeclaration(statement))
            this.#shapes?.set([...inside, statement.name.text].join("."), membersOf(source, statement));
          else if (ts.isModuleDeclaration(statement) && statement.body && ts.isModuleBlock(statement.body))
            gather(statement.body.statements, [...inside, statement.name.text]);
        }
      };
      gather(source.statements, []);
    }
    const found = this.#shapes.get(name);
    if (!found) throw new Error(`@pulumi/${this.name} declares no inputs.${name}`);
    return found;
  }

  #source(path: string): ts.SourceFile {
    let source = this.#files.get(path);
    if (!source) {
      const text = readFileSync(join(this.#folder, path), "utf8");
      source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest);
      this.#files.set(path, source);
    }
    return source;
  }
}

function find<T extends ts.InterfaceDeclaration | ts.ClassDeclaration>(
  source: ts.SourceFile,
  is: (node: ts.Node) => node is T,
  name: string,
): T {
  const found = source.statements.filter(is).find((node) => node.name?.text === name);
  if (!found) throw new Error(`${source.fileName} has no ${name}`);
  return found;
}

function membersOf(source: ts.SourceFile, node: ts.InterfaceDeclaration | ts.ClassDeclaration): Members {
  const members: Members = {};
  for (const member of node.members) {
    if (!ts.isPropertySignature(member) && !ts.isPropertyDeclaration(member)) continue;
    if (
      ts.canHaveModifiers(member) &&
      ts.getModifiers(member)?.some((m) => m.kind === ts.SyntaxKind.StaticKeyword)
    )
      continue;
    const comments = ts.getLeadingCommentRanges(source.text, member.getFullStart()) ?? [];
    const text = comments.map(({ pos, end }) => source.text.slice(pos, end)).join(" ");
    members[member.name.getText(source)] = {
      type: member.type,
      optional: member.questionToken !== undefined,
      text: text.replaceAll(/\s*\n\s*\*\s?/g, " "),
    };
  }
  return members;
}

/** The type without what doesn't matter here: Input, Output, undefined. Null where the value may be undefined only. */
function typeOf(node: ts.TypeNode | undefined): { type: string; maybe: boolean; refers: string[] } {
  const unknown = { type: "any", maybe: false, refers: [] };
  if (!node) return unknown;
  if (ts.isParenthesizedTypeNode(node)) return typeOf(node.type);
  if (ts.isArrayTypeNode(node)) {
    const of = typeOf(node.elementType);
    return { ...of, type: `${of.type}[]`, maybe: false };
  }
  if (ts.isUnionTypeNode(node)) {
    const kinds = node.types.filter((node) => node.kind !== ts.SyntaxKind.UndefinedKeyword).map(typeOf);
    const types = [...new Set(kinds.map(({ type }) => type))];
    return {
      type: types.length === 1 ? (types[0] ?? "any") : "any",
      maybe: kinds.length < node.types.length || kinds.some(({ maybe }) => maybe),
      refers: types.length === 1 ? (kinds[0]?.refers ?? []) : [],
    };
  }
  if (ts.isTypeLiteralNode(node)) {
    const index = node.members.find(ts.isIndexSignatureDeclaration);
    const of = typeOf(index?.type);
    return { ...of, type: `{${of.type}}`, maybe: false };
  }
  if (ts.isLiteralTypeNode(node) && ts.isStringLiteral(node.literal)) return { ...unknown, type: "string" };
  if (ts.isTypeReferenceNode(node)) {
    const name = entityName(node.typeName);
    const [argument] = node.typeArguments ?? [];
    if (["pulumi.Input", "pulumi.Output"].includes(name)) return typeOf(argument);
    if (name.startsWith("inputs.")) {
      const shape = name.slice("inputs.".length);
      return { type: `@${shape}`, maybe: false, refers: [shape] };
    }
    return name.startsWith("enums.") ? { ...unknown, type: "string" } : unknown;
  }
  if (node.kind === ts.SyntaxKind.StringKeyword) return { ...unknown, type: "string" };
  if (node.kind === ts.SyntaxKind.NumberKeyword) return { ...unknown, type: "number" };
  if (node.kind === ts.SyntaxKind.BooleanKeyword) return { ...unknown, type: "boolean" };
  return unknown;
}

function entityName(name: ts.EntityName): string {
  return ts.isIdentifier(name) ? name.text : `${entityName(name.left)}.${name.right.text}`;
}

function propertiesOf(members: Members, refer: (shape: string) => void): Properties {
  const properties: Record<string, DeclaredProperty> = {};
  for (const [name, { type: node, optional, text }] of Object.entries(members)) {
    const { type, refers } = typeOf(node);
    refers.forEach(refer);
    properties[name] = {
      type,
      ...(optional ? {} : { required: true }),
      ...(/Changing this forces a new/.test(text) ? { replaces: true } : {}),
    };
  }
  return properties;
}

/** What the installed SDKs declare of the types that the stand-ins know. */
export function declaration(): Declared {
  const packages = new Map(["gcp", "kubernetes", "docker-build"].map((name) => [name, new Package(name)]));
  const declared: Declared = { versions: {}, types: {}, shapes: {} };
  for (const [name, { version }] of packages) declared.versions[name] = version;
  const providers = [...packages.keys()].map((name) => `pulumi:providers:${name}`);
  for (const token of [...Object.keys(KINDS), ...providers].toSorted()) {
    const packageName = token.replace("pulumi:providers:", "").split(":")[0] ?? "";
    const declaring = packages.get(packageName);
    if (!declaring) throw new Error(`${token}: no such package`);
    const refer = (shape: string) => {
      const key = `${packageName}.${shape}`;
      if (declared.shapes[key]) return;
      const properties: Properties = {};
      declared.shapes[key] = properties;
      Object.assign(properties, propertiesOf(declaring.shape(shape), refer));
    };
    const { inputs, outputs } = declaring.resource(token);
    declared.types[token] = {
      inputs: propertiesOf(inputs, refer),
      outputs: Object.fromEntries(
        Object.entries(outputs).map(([name, { type: node }]) => {
          const { type, maybe } = typeOf(node);
          return [name, { type, ...(maybe ? {} : { always: true }) }];
        }),
      ),
    };
  }
  return declared;
}

if (process.argv[1] === import.meta.filename) {
  const declared = declaration();
  const file = join(import.meta.dirname, "standin/declared.json");
  writeFileSync(file, await format(JSON.stringify(declared), { parser: "json", printWidth: 110 }));
  process.stdout.write(
    `${Object.keys(declared.types).length} types, ${Object.keys(declared.shapes).length} shapes\n`,
  );
}
