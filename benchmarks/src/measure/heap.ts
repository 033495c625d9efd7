import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes in use once all that can go is gone. */
export async function heapUsed(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    collectGarbage();
    // What waits for a turn of the loop holds memory, too.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().heapUsed;
}
