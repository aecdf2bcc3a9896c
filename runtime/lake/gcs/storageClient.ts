import { Storage, type StorageOptions } from "@google-cloud/storage";
import { printable, UserError } from "../../errors.ts";

/**
 * A client for Cloud Storage, or for the emulator that is given or that STORAGE_EMULATOR_HOST names (host and port, or a URL),
 * which is asked without credentials. Throws UserError (exit 2) when that can't be one.
 */
export function storageClient(options: StorageOptions, emulator?: string): Storage {
  const endpoint = emulatorUrl(emulator ?? process.env["STORAGE_EMULATOR_HOST"]);
  return withoutEmulatorVariable(
    () =>
      new Storage({
        ...options,
        ...(endpoint === undefined ? {} : { apiEndpoint: endpoint, projectId: "emulator" }),
      }),
  );
}

function emulatorUrl(host: string | undefined): string | undefined {
  if (!host) return undefined;
  const url = /^https?:\/\//.test(host) ? host : `http://${host}`;
  if (!URL.canParse(url))
    throw new UserError(`STORAGE_EMULATOR_HOST=${printable(host)} is no URL; write http://HOST:PORT`, {
      exitCode: 2,
    });
  return new URL(url).origin;
}

/** The client's own reading of STORAGE_EMULATOR_HOST makes it ask for paths that no server has. */
function withoutEmulatorVariable<T>(make: () => T): T {
  const given = process.env["STORAGE_EMULATOR_HOST"];
  delete process.env["STORAGE_EMULATOR_HOST"];
  try {
    return make();
  } finally {
    if (given !== undefined) process.env["STORAGE_EMULATOR_HOST"] = given;
  }
}
