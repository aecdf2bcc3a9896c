import test from "ava";
import { promotedImage, given, isData } from "./expected.ts";
import { compiledPolicies } from "./policies.ts";
import { EngineStack } from "./stack.ts";

const KEY = "mev-boost-etl:backload";
const PLAN = { range: "4700567-14999999", shards: 500, parallelism: 20 };
const JOB = "kubernetes:batch/v1:Job";

const jobs = (stack: EngineStack) => stack.cloud.all().filter(({ type }) => type === JOB);
const inCluster = (stack: EngineStack) =>
  stack.cloud.all().filter(({ type }) => type.startsWith("kubernetes:"));
const data = (stack: EngineStack) =>
  stack.cloud
    .all()
    .filter(isData)
    .map(({ type, id, state }) => ({ type, id, state }));

test.serial(
  "a back-load comes with its cluster, another plan is another Job, new code is not, and without it all is gone but the data",
  async (t) => {
    const stack = await EngineStack.create({
      stack: "production",
      config: { ...given("production"), [KEY]: PLAN },
    });
    t.teardown(() => stack.remove());
    const policies = await compiledPolicies();
    const preview = (await stack.preview({ policies })).ok();
    t.deepEqual(preview.violations, []);
    t.deepEqual(preview.warnings, []);
    (await stack.up()).ok();
    const [first, ...more] = jobs(stack);
    t.deepEqual(more, []);
    t.is(
      String((await stack.outputs())["backloadJob"]),
      `mev-boost-etl-production/${String(first?.id).split("/").at(-1)}`,
    );
    t.true(stack.cloud.all().some(({ type }) => type === "gcp:container/cluster:Cluster"));
    const before = data(stack);

    // The second time nothing changes, policies included.
    const again = (await stack.up({ policies })).ok();
    t.deepEqual(again.steps, []);
    t.deepEqual(again.violations, []);

    // A new image reaches the services and leaves the running Job alone.
    stack.configure({ "mev-boost-etl:image": promotedImage("b") });
    const deployed = (await stack.up()).ok();
    t.deepEqual(deployed.steps.map(({ name, op }) => `${op} ${name}`).toSorted(), [
      "update bids-service-run",
      "update payloads-service-run",
    ]);
    t.deepEqual(jobs(stack), first ? [first] : []);

    // Another plan is another Job; the bids service is told which range to look at.
    stack.configure({ [KEY]: { ...PLAN, range: "4700567-12999999" } });
    const planned = (await stack.up()).ok();
    t.deepEqual([...new Set(planned.steps.map(({ name }) => name))].toSorted(), [
      "backload-job-job",
      "bids-service-run",
    ]);
    const [second, ...others] = jobs(stack);
    t.deepEqual(others, []);
    t.not(second?.id, first?.id);
    t.deepEqual((await stack.preview()).ok().steps, []);

    // `run` alone makes one too.
    stack.configure({ [KEY]: { ...PLAN, range: "4700567-12999999", run: "2" } });
    (await stack.up()).ok();
    t.is(jobs(stack).length, 1);
    t.not(jobs(stack)[0]?.id, second?.id);

    // Without the key the cluster and all in it go, and no data is touched.
    stack.configure({ [KEY]: {} });
    (await stack.up()).ok();
    t.deepEqual(
      inCluster(stack).map(({ type }) => type),
      [],
    );
    t.deepEqual(
      stack.cloud.all().filter(({ type }) => type.startsWith("gcp:container/")),
      [],
    );
    t.deepEqual(data(stack), before);
    t.false("backloadJob" in (await stack.outputs()));
  },
);
