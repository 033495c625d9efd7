export interface Config {
  readonly databaseUrl: string;
  readonly mailUrl: string;
  readonly port: number;
  readonly stopDeadlineMs: number;
}

export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const { DATABASE_URL, MAIL_URL, PORT = "3000", STOP_DEADLINE_MS = "25000" } = env;
  if (!DATABASE_URL || !MAIL_URL) throw new Error("DATABASE_URL and MAIL_URL have to be set.");
  return {
    databaseUrl: DATABASE_URL,
    mailUrl: MAIL_URL,
    port: Number(PORT),
    stopDeadlineMs: Number(STOP_DEADLINE_MS),
  };
}
