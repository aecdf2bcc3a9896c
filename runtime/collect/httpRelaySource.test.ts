import test from "ava";
import { systemClock } from "../chain/clock.ts";
import { simulatedNetwork } from "../chain/networks.ts";
import { bids } from "../datasets/bids.ts";
import { simulatedAnswers } from "../kernel/bodies.testing.ts";
import { kernelOf } from "../kernel/kernel.ts";
import type { RelayClient } from "../relays/http/client.ts";
import { simulatedRelays } from "../simulator/directory.ts";
import { httpRelaySource } from "./httpRelaySource.ts";
import { blockLines } from "./slotAnswer.ts";

test("an answer at which the kernel itself fails is decoded without it, to the same lines, and said", async (t) => {
  const [sent] = simulatedAnswers(1, 1, 0.1).get("heron") ?? [];
  const [relay] = simulatedRelays(1);
  const memory = kernelOf(bids)?.memory.subarray(0x4a04, 0x4a08);
  if (!sent || !relay || !memory) return t.fail("there is no answer, or no kernel");
  const client = {
    relay,
    ask: (_: unknown, decode: (answer: object) => unknown) =>
      Promise.resolve(decode({ status: 200, body: sent.body, ageS: 0, dateMs: undefined })),
  } as unknown as RelayClient;
  const warnings: string[] = [];
  const source = httpRelaySource(
    { network: simulatedNetwork(1), clock: systemClock, warn: (line) => warnings.push(line) },
    client,
    new AbortController().signal,
  );
  const sound = await source.slot(bids, sent.slot);
  t.deepEqual([sound.way, warnings], ["kernel", []]);
  const saved = Buffer.from(memory);
  // How many bits a block begins with: so many lead beyond the memory.
  memory.fill(0xff);
  const saving = await source.slot(bids, sent.slot).finally(() => memory.set(saved));
  t.is(saving.way, "fallback");
  t.true(sound.block.rows > 0);
  t.deepEqual(blockLines(saving.block), blockLines(sound.block));
  t.is(warnings.length, 1);
  t.regex(
    warnings[0] ?? "",
    /^the kernel failed at the bids of relay heron, slot \d+ \(.+\): they were decoded without it$/,
  );
  t.is((await source.slot(bids, sent.slot)).way, "kernel");
});
