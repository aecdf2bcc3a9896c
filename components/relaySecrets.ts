import type { HeaderSource } from "../runtime/settings/relayOverrides.ts";

/** What whoever asks these relays may be granted: to read the secrets that their headers are taken from, each once, and no others. */
export function secretGrants(
  sources: readonly HeaderSource[],
): readonly { noun: string; project: string; secretId: string; role: string }[] {
  const role = "roles/secretmanager.secretAccessor";
  const all = sources.map(({ project, secret }) => {
    // Projects' ids and secrets' names have hyphens, and no slash.
    const noun = `secret-${project}/${secret}`;
    return [noun, { noun, project, secretId: secret, role }] as const;
  });
  return [...new Map(all).values()];
}
