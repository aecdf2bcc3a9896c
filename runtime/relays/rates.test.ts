import test from "ava";
import { ratesOf } from "./rates.ts";

const relay = (url: string) => ({ url, requestsPerSecond: 2 });

test("a relay is asked at the directory's figure, and a limit above it is probed for from there", (t) => {
  const of = (limit?: number) => ratesOf(relay("https://relay.example"), false, limit);
  t.deepEqual(of(), { rate: 2, startRate: 2 });
  t.deepEqual(of(20), { rate: 20, startRate: 2 });
  t.deepEqual(of(0.5), { rate: 0.5, startRate: 0.5 });
});

test("a relay given by hand at a private address begins at the limit, 50 a second without one", (t) => {
  for (const host of [
    "127.0.0.1:8645",
    "localhost",
    "10.1.2.3",
    "[::1]:80",
    "192.168.0.4",
    "my-relay:18550",
  ]) {
    t.deepEqual(ratesOf(relay(`http://${host}`), true), { rate: 50, startRate: 50 }, host);
    t.deepEqual(ratesOf(relay(`http://${host}`), true, 200), { rate: 200, startRate: 200 }, host);
    // One of the simulator's, which nobody gave by hand.
    t.deepEqual(ratesOf(relay(`http://${host}`), false), { rate: 2, startRate: 2 }, host);
  }
  for (const host of ["relay.example", "8.8.8.8", "[2600::1]"])
    t.deepEqual(ratesOf(relay(`https://${host}`), true), { rate: 2, startRate: 2 }, host);
});
