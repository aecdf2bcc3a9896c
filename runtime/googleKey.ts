import { UserError, codeOf, messageOf, printable } from "./errors.ts";

const VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS";

/**
 * What Google's client threw when it read the key file that GOOGLE_APPLICATION_CREDENTIALS names, as one line that says what to do;
 * undefined where the variable names none. Nothing of the client's own message is in it: that of a file that is no JSON quotes
 * the file (google-auth-library 10.9.1, `_getApplicationCredentialsFromFilePath`).
 */
export function keyFileError(
  error: unknown,
  env: Readonly<Record<string, string | undefined>> = process.env,
): UserError | undefined {
  // The client takes the name in small letters too.
  const path = env[VARIABLE] || env[VARIABLE.toLowerCase()];
  if (!path) return undefined;
  const isAbsent = /does not exist|not a file/.test(messageOf(error)) || codeOf(error) === "ENOENT";
  const why = isAbsent
    ? "there is no such file"
    : codeOf(error) === "EACCES"
      ? "it may not be read"
      : "it holds no key or configuration that Google's client knows";
  return new UserError(
    `${VARIABLE} names ${printable(path, 300)}, which can't be used: ${why}; correct it, or unset it and run \`gcloud auth application-default login\``,
  );
}
