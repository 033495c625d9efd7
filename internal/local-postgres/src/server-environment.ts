const windowsNeeds = ["SystemRoot", "windir", "TEMP", "TMP", "ComSpec", "USERPROFILE", "APPDATA", "LOCALAPPDATA"];

/**
 * The environment PostgreSQL's programs run in: nothing of the parent's but what they cannot do without.
 *
 * Another user may run them, who must not find the parent's secrets in `/proc`; and `PGPORT`, `PGDATA`, `TZ` or
 * `NODE_OPTIONS` of the parent would change what is started.
 */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { LC_ALL: "C", TZ: "UTC", NODE_NO_WARNINGS: "1" };
  for (const name of ["PATH", ...(process.platform === "win32" ? windowsNeeds : [])]) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}
