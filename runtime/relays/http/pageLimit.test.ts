import test from "ava";
import { limitTold } from "./pageLimit.ts";
import { clientOf, relayFaultOf, ok, serveAnswers, status, servedText } from "./served.testing.ts";

test("the limit is read from every dialect's words, and is always lower than what was asked", (t) => {
  const told: [string, number, number | undefined][] = [
    ['{"code":400,"message":"maximum limit is 50"}', 200, 50],
    ["maximum limit is 100", 200, 100],
    ['{"code":400,"message":"limit is higher than 450"}', 1000, 450],
    ["limit 200 is above the maximum of 20", 200, 20],
    // freelay refuses above 200 with these words.
    ['{"code":400,"message":"limit cannot be greater than 500"}', 450, 100],
    ["limit cannot be greater than 500", 100, undefined],
    ["limit too high", 200, 100],
    ["limit too high", 100, undefined],
    ["maximum limit is 0", 200, 100],
    ['{"code":400,"message":"invalid cursor argument"}', 200, undefined],
    ["rate limit of 50 exceeded", 200, undefined],
  ];
  for (const [words, asked, limit] of told) t.is(limitTold(words, asked), limit, words);
});

test("a relay that lowers its page limit is asked with that from then on, and it is said once", async (t) => {
  let most = 500;
  const { url, asked } = await serveAnswers(t, (request, response, nth) => {
    const limit = Number(new URL(request.url ?? "", "http://x").searchParams.get("limit"));
    const refusal = status(400, JSON.stringify({ code: 400, message: `maximum limit is ${most}` }));
    (limit > most ? refusal : ok())(request, response, nth);
  });
  const notices: string[] = [];
  const client = clientOf(t, url, { onNotice: (line) => notices.push(line) });
  const page = (cursor: number) => client.ask({ kind: "payload-page", cursor }, servedText);
  const limits = () => asked.splice(0).map((path) => Number(/limit=(\d+)/.exec(path)?.[1]));
  await page(1000);
  t.deepEqual(limits(), [200]);
  t.is(client.payloadLimit, 200);
  most = 50;
  await Promise.all([page(900), page(800), page(700)]);
  t.is(client.payloadLimit, 50);
  t.is(limits().filter((limit) => limit === 50).length, 3);
  await page(600);
  t.deepEqual(limits(), [50]);
  t.deepEqual(notices, ["testrelay: takes 50 payloads a page, not 200: asked so from now on"]);
  t.is(client.errorForm, "json");
  t.false(client.down);
});

test("a refusal that isn't about the limit stays one, and its form is noted", async (t) => {
  const { url, asked } = await serveAnswers(t, status(400, "invalid cursor argument"));
  const client = clientOf(t, url);
  await relayFaultOf(t, client.ask({ kind: "payload-page", cursor: 9 }, servedText), "bad-request");
  t.is(asked.length, 1);
  t.is(client.errorForm, "text");
  t.is(client.payloadLimit, 200);
});

test("a relay that refuses every limit is asked no more than twice", async (t) => {
  const { url, asked } = await serveAnswers(t, status(400, "limit too high"));
  const client = clientOf(t, url);
  await relayFaultOf(t, client.ask({ kind: "payload-page", cursor: 9 }, servedText), "bad-request");
  t.is(asked.length, 2);
});
