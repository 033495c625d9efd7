import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Bytes in use once all that can go is gone. */
export async function heapUsed(): Promise<number> {
  setFlagsFromString("--expose-gc");
  // Whether code that has not run lately is dropped is a matter of moments, and several megabytes.
  setFlagsFromString("--no-flush-bytecode");
  const collectGarbage = runInNewContext("gc") as () => void;
  for (let round = 0; round < 3; round++) {
    collectGarbage();
    // What waits for a turn of the loop holds memory, too.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().heapUsed;
}
