import { UserError } from "../errors.ts";
import { type RelayHeaders, headerValue } from "../relays/headers.ts";
import type { HeaderSource } from "../settings/relayOverrides.ts";
import type { ReadSecret } from "./secretManager.ts";

/**
 * What each relay is sent, by its name: headers with the values that their secrets hold. Each secret is read once. Throws
 * UserError for one that can't be read (see ReadSecret), or whose text no header can carry (exit 2).
 */
export async function readRelayHeaders(
  sources: readonly HeaderSource[],
  read: ReadSecret,
): Promise<ReadonlyMap<string, RelayHeaders>> {
  const all = new Map<string, RelayHeaders>();
  const values = new Map<string, string>();
  for (const { relay, header, version } of sources) {
    const value = values.get(version) ?? headerValue(await read(version));
    if (value === undefined)
      throw new UserError(
        `${relay}: its header ${header} can't be sent: ${version} holds other than one line of printable ASCII`,
        { exitCode: 2 },
      );
    values.set(version, value);
    all.set(relay, { ...all.get(relay), [header]: value });
  }
  return all;
}
