import { UserError } from "../errors.ts";

/** The environment variable that switches the kernel off, and what it may say. */
export const KERNEL_SWITCH = "MEV_BOOST_ETL_KERNEL";
const ON_OR_OFF = ["on", "off"] as const;

/** Whether answers are given to the kernel first. */
export function isKernelOn(): boolean {
  return switchOf(process.env[KERNEL_SWITCH]) === "on";
}

/** Throws UserError for another word. */
export function switchOf(text: string | undefined): (typeof ON_OR_OFF)[number] {
  const said = ON_OR_OFF.find((word) => word === (text || "on"));
  if (said === undefined)
    throw new UserError(`${KERNEL_SWITCH} is ${JSON.stringify(text)}; give on or off`, { exitCode: 2 });
  return said;
}
