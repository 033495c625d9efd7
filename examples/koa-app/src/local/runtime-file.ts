import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { StartupError } from "../startup-error.ts";

/** What the commands beside a running `npm start` need to know: where its servers are, what its links start with, and who sends its mails. */
const runtime = z.object({
  pid: z.int(),
  publicUrl: z.string(),
  mailFrom: z.string(),
  databaseUrl: z.string(),
  jobQueueDatabaseUrl: z.string().optional(),
  smtpUrl: z.string(),
});

export type Runtime = z.infer<typeof runtime>;

/** Only its owner may read the file: there are passwords in it. */
export async function writeRuntimeFile(dataDir: string, content: Runtime): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  const temporary = `${fileIn(dataDir)}.${process.pid}`;
  await rm(temporary, { force: true });
  await writeFile(temporary, JSON.stringify(content), { mode: 0o600, flag: "wx" });
  await rename(temporary, fileIn(dataDir));
}

export async function removeRuntimeFile(dataDir: string): Promise<void> {
  await rm(fileIn(dataDir), { force: true });
}

/** @throws {@link StartupError} `LOCAL_SERVICES_MISSING` when no app runs with this data directory. */
export async function readRuntimeFile(dataDir: string): Promise<Runtime> {
  const text = await readFile(fileIn(dataDir), "utf8").catch(() => undefined);
  const parsed = text === undefined ? undefined : runtime.safeParse(parseJson(text));
  if (parsed?.success === true && isRunning(parsed.data.pid)) return parsed.data;

  throw new StartupError(
    "LOCAL_SERVICES_MISSING",
    'No embedded servers are running. Start them with "npm start" in another terminal, or set DATABASE_URL and SMTP_URL.',
  );
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It runs, as another user.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fileIn(dataDir: string): string {
  return join(dataDir, "runtime.json");
}
