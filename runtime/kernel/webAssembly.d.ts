// The part of WebAssembly's interface that is used here; TypeScript has it among the types of browsers alone.
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    readonly exports: object;
    constructor(module: Module);
  }
  /** What the module's own code throws where it fails: an access beyond its memory, say. */
  class RuntimeError extends Error {}
}
