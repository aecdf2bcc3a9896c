import { keyedPayments } from "../../runtime/warehouse/keyedTables.ts";
import type { Warehouse } from "../../runtime/warehouse/warehouse.ts";
import { number, textAt } from "./reportRows.ts";

const VERDICTS = ["exact", "exact", "more", "exact", "less"] as const;

/** Gives every delivered block a verdict, by turns, as `verify` would write it: of what is paid short a tenth is lacking. */
export async function judgePayments(warehouse: Warehouse): Promise<void> {
  const payloads = await warehouse.query(
    "SELECT DISTINCT relay, slot, block_hash, block_timestamp, value FROM payloads",
  );
  await warehouse.put(
    keyedPayments,
    payloads.map((row) => {
      const [claimed, hash] = [BigInt(textAt(row, "value")), textAt(row, "block_hash")];
      const verdict = VERDICTS[Number(BigInt(hash.slice(0, 12)) % BigInt(VERDICTS.length))] ?? "exact";
      const short = verdict === "less" ? claimed / 10n : 0n;
      const paid = verdict === "more" ? claimed + 1n : claimed - short;
      return [
        textAt(row, "relay"),
        number(row, "slot"),
        hash,
        `${textAt(row, "block_timestamp").replace(" ", "T")}Z`,
        String(claimed),
        null,
        String(paid),
        String(paid - claimed),
        null,
        verdict,
        "block",
        verdict === "less" ? String(short) : null,
        "block",
        "rpc",
        `${textAt(row, "block_timestamp").replace(" ", "T")}Z`,
      ];
    }),
  );
}
