import test, { type ExecutionContext } from "ava";
import { given } from "./expected.ts";
import { EngineStack } from "./stack.ts";

const SUBNETWORK = "gcp:compute/subnetwork:Subnetwork";
// Cloud Run keeps addresses of a network for one to two hours after the service that used it, and meanwhile Google refuses to
// delete its subnet, in these words: https://docs.cloud.google.com/run/docs/configuring/vpc-direct-vpc#delete-subnet,
// https://github.com/nitrictech/nitric/issues/667
const IN_USE =
  "Error when reading or editing Subnetwork: googleapi: Error 400: The subnetwork resource 'subnet' is already being used " +
  "by 'addresses/serverless-ipv4-1721014303789269923', resourceInUseByAnotherResource";

/** A stack with egress: static that is up, and whose subnet can't be deleted yet. */
async function keptSubnet(t: ExecutionContext): Promise<EngineStack> {
  const config = { ...given("test"), "mev-boost-etl:egress": "static" };
  const stack = await EngineStack.create({ stack: "test", config });
  t.teardown(() => stack.remove());
  (await stack.up()).ok();
  stack.cloud.plan([{ call: "delete", type: SUBNETWORK, nth: 1, message: IN_USE }]);
  return stack;
}

const left = (stack: EngineStack, pattern: RegExp) =>
  stack.cloud
    .all()
    .map(({ type }) => type)
    .filter((type) => pattern.test(type))
    .toSorted();

test.serial(
  "destroy fails while Cloud Run keeps the subnet, and leaves nothing the second time",
  async (t) => {
    const stack = await keptSubnet(t);
    const first = await stack.destroy();
    t.not(first.code, 0);
    t.regex(first.text, /serverless-ipv4-\d+', resourceInUseByAnotherResource/);
    t.deepEqual(left(stack, /:cloudrunv2\/service:/), [], "the services went before their network");
    t.deepEqual(left(stack, /:compute\/(?:subn|n)etwork:/), ["gcp:compute/network:Network", SUBNETWORK]);
    (await stack.destroy()).ok();
    t.deepEqual(new Set(left(stack, /./)), new Set(["gcp:projects/service:Service"]));
    t.deepEqual(await stack.resources(), []);
  },
);

test.serial(
  "egress: static to shared fails once in the same way; the services run on, without the network",
  async (t) => {
    const stack = await keptSubnet(t);
    stack.configure({ "mev-boost-etl:egress": "shared" });
    const first = await stack.up();
    t.not(first.code, 0);
    t.regex(first.text, /serverless-ipv4-\d+', resourceInUseByAnotherResource/);
    const services = stack.cloud.all().filter(({ type }) => type === "gcp:cloudrunv2/service:Service");
    t.is(services.length, 2);
    t.notRegex(JSON.stringify(services.map(({ state }) => state)), /vpcAccess":\{/);
    t.true(left(stack, /subnetwork/).includes(SUBNETWORK));
    (await stack.up()).ok();
    t.deepEqual(left(stack, /:compute\//), []);
    t.deepEqual((await stack.preview()).ok().steps, []);
  },
);
