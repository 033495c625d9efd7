import { setTimeout as pause } from "node:timers/promises";

/** Asks again and again until the answer is yes. */
export async function waitUntil(
  isSo: () => Promise<boolean>,
  { everyMs = 100, signal }: { readonly everyMs?: number; readonly signal?: AbortSignal } = {},
): Promise<void> {
  while (!(await isSo())) await pause(everyMs, undefined, { ...(signal && { signal }) });
}
