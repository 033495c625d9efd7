import type { JobRequest, JobSettings } from "./job-request.ts";

/** Reads the text of {@link toBatch} from parameter `$1`: `batch` has the settings, `job` the id and payload. */
export const batchSql = `
  json_to_recordset($1::json) as batch (
    task text, "runAt" timestamptz, queue text, priority int, key text, "preserveRunAt" boolean, flags text[], jobs json
  ), json_each(batch.jobs) as job (id, payload)`;

/**
 * Writes requests as one JSON text, in their order. Neighbours with the same settings share them, so the settings are sent
 * and read once. The payloads are JSON already and are not serialized again.
 */
export function toBatch(requests: readonly JobRequest[]): string {
  const parts: { readonly settings: JobSettings; readonly jobs: string[] }[] = [];
  for (const { settings, id, payload } of requests) {
    const last = parts.at(-1);
    const part = last?.settings === settings ? last : { settings, jobs: [] };
    if (part !== last) parts.push(part);
    part.jobs.push(`${JSON.stringify(id)}:${payload}`);
  }
  const texts = parts.map(
    ({ settings, jobs }) => `${JSON.stringify(settings).slice(0, -1)},"jobs":{${jobs.join(",")}}}`,
  );
  return `[${texts.join(",")}]`;
}
