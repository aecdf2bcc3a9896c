// Prints what both stacks cost a month, with the arithmetic: npm run cost
import { costReport } from "./costReport.ts";

process.stdout.write(costReport());
