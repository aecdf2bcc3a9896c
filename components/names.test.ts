import test from "ava";
import fc from "fast-check";
import { NAME_RULES, ResourceNames, STACK_NAME } from "./names.ts";

/** Every name that a stack can ask for. */
function allNames(project: string, stack: string): string[] {
  const names = new ResourceNames({ project, stack });
  return [
    names.bucket,
    names.publishedBucket,
    ...(["private", "staging", "public"] as const).map((kind) => names.dataset(kind)),
    ...(["bids", "payloads", "publish"] as const).flatMap((service) => [
      names.account(service, "run"),
      names.account(service, "call"),
      names.service(service),
      `job ${names.schedulerJob(service)}`,
    ]),
    names.repository,
    names.imageTag,
    names.logMetric("relay_quarantined"),
    ...(["network", "subnet", "router", "nat", "address"] as const).map((part) => names.network(part)),
  ];
}

const stacks = fc.stringMatching(STACK_NAME);
const projects = fc.stringMatching(/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/).filter((id) => !/^goog|google/.test(id));

test("every name of the longest stack in the longest project is allowed, and one character more is not", (t) => {
  const project = `p${"-a".repeat(14)}z`;
  t.is(project.length, 30);
  for (const stack of ["abcdefghijkl", "a-b-c-d-e-fg", "s"]) t.notThrows(() => allNames(project, stack));
  t.throws(() => new ResourceNames({ project, stack: "abcdefghijklm" }), { instanceOf: RangeError });
  // The kind that leaves the stack the fewest characters leaves none.
  t.is(new ResourceNames({ project, stack: "abcdefghijkl" }).account("payloads", "call").length, 30);
  t.is(NAME_RULES.account.longest, 30);
});

test("names are allowed whatever the stack and the project, and no two stacks share one", (t) => {
  fc.assert(
    fc.property(projects, stacks, stacks, (project, one, other) => {
      const names = allNames(project, one);
      t.is(new Set(names).size, names.length);
      if (one !== other) {
        const others = new Set(allNames(project, other));
        t.deepEqual(
          names.filter((name) => others.has(name)),
          [],
        );
      }
    }),
  );
});

test("a name that its API would refuse is refused here", (t) => {
  for (const stack of ["", "Test", "1a", "a_b", "a-", "-a", "ünits"])
    t.throws(() => new ResourceNames({ project: "example-project", stack }), {
      message: /not a stack's name/,
    });
  const { bucket } = new ResourceNames({ project: "example-project", stack: "test" });
  t.is(bucket, "example-project-mev-boost-etl-test");
  // Cloud Storage keeps names with its owner's name for itself.
  t.throws(() => new ResourceNames({ project: "my-google-project", stack: "test" }).bucket, {
    message: /bucket my-google-project.*can't have/,
  });
});
