import { type ExecutionContext } from "ava";
import { slotStartMs } from "../chain/slots.ts";
import { lakeNetwork } from "../lake/lake.testing.ts";
import { put, rowOf } from "./warehouse.testing.ts";
import { type ContractParts, startEmpty } from "./contractParts.testing.ts";

/** Registers what any warehouse promises of the views beside its tables. */
export function viewsContract(parts: ContractParts): void {
  const { form, register } = parts;
  const start = (t: ExecutionContext) => startEmpty(t, parts);
  register(
    `${form}: delivered payloads stand beside the best bid of their relay, slot and parent`,
    async (t) => {
      const { lake, warehouse } = await start(t);
      const big = "98765432109876543210987654321";
      const parent = `0x${"9".repeat(64)}`;
      await put(lake, lakeNetwork, "bids", "one", {
        rows: new Map([
          [1, [rowOf(1, 5), rowOf(1, 7), rowOf(1, 9, { parent_hash: parent })]],
          [2, [rowOf(2, 5, { value: big })]],
          [3, []],
        ]),
      });
      await put(lake, lakeNetwork, "bids", "two", { rows: new Map([[1, [rowOf(1, 100)]]]) });
      const delivered = [1, 2, 3, 4].map((slot) => [slot, [rowOf(slot, 6, { value: "6" })]] as const);
      await put(lake, lakeNetwork, "payloads", "one", { rows: new Map([...delivered, [5, [rowOf(5, 8)]]]) });
      await warehouse.load(lake, []);
      const rows = await warehouse.query("SELECT slot, best_value, value_left FROM delivered ORDER BY slot");
      t.deepEqual(rows, [
        { slot: "1", best_value: "7", value_left: "1" },
        { slot: "2", best_value: big, value_left: String(BigInt(big) - 6n) },
        { slot: "3", best_value: null, value_left: null },
        { slot: "4", best_value: null, value_left: null },
        { slot: "5", best_value: null, value_left: null },
      ]);
      // A payload that is worth more than the best bid that the relay shows: nothing was left.
      await put(lake, lakeNetwork, "bids", "one", { rows: new Map([[64, [rowOf(64, 3)]]]) });
      await put(lake, lakeNetwork, "payloads", "two", { rows: new Map([[64, [rowOf(64, 3)]]]) });
      await put(lake, lakeNetwork, "payloads", "one", {
        rows: new Map([...delivered, [64, [rowOf(64, 8)]]]),
      });
      await warehouse.load(lake, []);
      t.deepEqual(
        await warehouse.query("SELECT relay, value_left FROM delivered WHERE slot = 64 ORDER BY relay"),
        [
          { relay: "one", value_left: "0" },
          { relay: "two", value_left: null },
        ],
      );
    },
  );

  register(`${form}: delivered says which blocks the relay made itself, and of what`, async (t) => {
    const { lake, warehouse } = await start(t);
    const delivered = new Map([1, 2, 3, 4].map((slot) => [slot, [rowOf(slot, 6, { value: "60" })]]));
    await put(lake, lakeNetwork, "payloads", "one", { rows: delivered });
    const adjusted = {
      adjusted_block_hash: rowOf(1, 6)["block_hash"] ?? "",
      submitted_value: "63",
      adjusted_value: "60",
    };
    // One that didn't land stands beside it.
    const lost = { adjusted_block_hash: `0x${"7".repeat(64)}`, submitted_value: "99" };
    await put(lake, lakeNetwork, "adjustments", "one", {
      rows: new Map([
        [1, [rowOf(1, 6, adjusted), rowOf(1, 6, lost)]],
        [2, []],
        [3, []],
      ]),
    });
    await put(lake, lakeNetwork, "merged_blocks", "one", {
      rows: new Map([
        [2, [rowOf(2, 6, { original_value: "57", proposer_value: "60" })]],
        [3, []],
      ]),
    });
    await warehouse.load(lake, []);
    t.deepEqual(
      await warehouse.query(
        "SELECT slot, adjusted, submitted_value, merged, original_value FROM delivered ORDER BY slot",
      ),
      [
        { slot: "1", adjusted: true, submitted_value: "63", merged: null, original_value: null },
        { slot: "2", adjusted: false, submitted_value: null, merged: true, original_value: "57" },
        { slot: "3", adjusted: false, submitted_value: null, merged: false, original_value: null },
        { slot: "4", adjusted: null, submitted_value: null, merged: null, original_value: null },
      ],
    );
  });

  register(`${form}: delivered says which values and which best bids can be believed`, async (t) => {
    const { lake, warehouse } = await start(t);
    const eth = (tenths: string, zeros = 17) => ({ value: `${tenths}${"0".repeat(zeros)}` });
    await put(lake, lakeNetwork, "bids", "one", {
      rows: new Map([
        [1, [rowOf(1, 1, eth("1")), rowOf(1, 2, eth("2"))]],
        // A claim of 10^9 ETH beside usual bids.
        [2, [rowOf(2, 1, eth("1")), rowOf(2, 2, eth("2")), rowOf(2, 3, eth("1", 27))]],
        [3, [rowOf(3, 1, { value: "0" })]],
      ]),
    });
    await put(lake, lakeNetwork, "payloads", "one", {
      rows: new Map([
        [1, [rowOf(1, 1, eth("1"))]],
        [2, [rowOf(2, 1, eth("1"))]],
        [3, [rowOf(3, 1, { value: "0" })]],
        [4, [rowOf(4, 1, eth("2", 22))]],
      ]),
    });
    // A thousand times what is usual is out of reach, also of a relay without bids of its own.
    const two = new Map([[1, [rowOf(1, 3, eth("1", 21)), rowOf(1, 4, eth("1", 20))]]]);
    await put(lake, lakeNetwork, "payloads", "two", { rows: two });
    await warehouse.load(lake, []);
    t.deepEqual(
      await warehouse.query(
        "SELECT relay, slot, believed, best_believed FROM delivered ORDER BY relay, slot, value DESC",
      ),
      [
        { relay: "one", slot: "1", believed: true, best_believed: true },
        { relay: "one", slot: "2", believed: true, best_believed: false },
        { relay: "one", slot: "3", believed: true, best_believed: true },
        { relay: "one", slot: "4", believed: false, best_believed: null },
        { relay: "two", slot: "1", believed: false, best_believed: null },
        { relay: "two", slot: "1", believed: true, best_believed: null },
      ],
    );
  });

  register(`${form}: readable views add ETH, name, time into the slot and day`, async (t) => {
    const { lake, warehouse } = await start(t);
    const ms = String(slotStartMs(lakeNetwork, 31) - 1234);
    const dated = { value: "1234567890123456789", timestamp_ms: ms, timestamp: ms.slice(0, -3) };
    await put(lake, lakeNetwork, "bids", "one", {
      rows: new Map([[31, [rowOf(31, 1, dated), rowOf(31, 2)]]]),
    });
    await put(lake, lakeNetwork, "payloads", "one", {
      rows: new Map([[31, [rowOf(31, 1, { value: dated.value })]]]),
    });
    await warehouse.load(lake, []);
    const shown = { slot: "31", date: "2023-11-14", builder: "0x0000…0001" };
    t.deepEqual(
      await warehouse.query(
        "SELECT slot, date, value, value_eth, builder, ms_into_slot FROM bids_readable ORDER BY value DESC",
      ),
      [
        { ...shown, value: dated.value, value_eth: 1.2345678901234567, ms_into_slot: "-1234" },
        { ...shown, builder: "0x0000…0002", value: "2", value_eth: 2e-18, ms_into_slot: null },
      ],
    );
    t.deepEqual(
      await warehouse.query("SELECT slot, date, value, value_eth, builder FROM payloads_readable"),
      [{ ...shown, value: dated.value, value_eth: 1.2345678901234567 }],
    );
  });
}
