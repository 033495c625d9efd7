import type { UnitOfWork } from "../unit-of-work/unit-of-work.ts";
import type { TestedAdapter } from "./tested-adapter.ts";

/** What the call rejects with, without what the data layer has put around it. */
export async function unwrapped<Result>(
  { unwrap }: Pick<TestedAdapter<never>, "unwrap">,
  call: () => Promise<Result>,
): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    throw unwrap ? unwrap(error) : error;
  }
}

/** Units that see the errors of the data layer as they are, and reject with what is in them. */
export function unwrapping<Tx>(tested: TestedAdapter<Tx>, unitOfWork: UnitOfWork<Tx>): UnitOfWork<Tx> {
  if (!tested.unwrap) return unitOfWork;
  return {
    ...unitOfWork,
    run: (work, options) => unwrapped(tested, () => unitOfWork.run(work, options)),
    runOnce: (key, work, options) => unwrapped(tested, () => unitOfWork.runOnce(key, work, options)),
  };
}
