import { mkdir, writeFile } from "node:fs/promises";
import { goldenText, goldenUrl } from "./golden.ts";
import { STACKS } from "./testing.ts";

// `npm run golden`: writes down what each stack registers, for the tests to compare and for reviewers to read.
for (const stack of STACKS) {
  await mkdir(new URL(".", goldenUrl(stack)), { recursive: true });
  await writeFile(goldenUrl(stack), await goldenText(stack));
  process.stdout.write(`stacks/golden/${stack}.json\n`);
}
