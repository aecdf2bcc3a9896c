// Registers all of production with a pretended cloud, once: what `pulumi up` waits for before it knows what is wanted.
import { runStack } from "../stacks/golden.ts";

const { registered } = await runStack("production");
if (registered.length === 0) throw new Error("the program registered nothing");
