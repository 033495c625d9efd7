import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import path from "node:path";
import { LocalPostgresError } from "./local-postgres-error.ts";
import { serverEnvironment } from "./server-environment.ts";

/** The unprivileged user that owns the data and runs the server when root starts it. */
export interface ServerUser {
  uid: number;
  gid: number;
}

const candidates = process.platform === "darwin" ? ["_postgres", "nobody"] : ["postgres", "nobody"];

/** Whoever owns the data already, else `postgres`, else `nobody`; `undefined` unless root asks. */
export function chooseServerUser(dataDir?: string): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = dataDir === undefined ? undefined : statSync(path.join(dataDir, "data"), { throwIfNoEntry: false });
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };

  for (const name of candidates) {
    const user = lookUp(name);
    if (user !== undefined) return user;
  }
  throw new LocalPostgresError(
    "NO_UNPRIVILEGED_USER",
    `PostgreSQL refuses to run as root, and this system has no user called ${candidates.join(" or ")}. ` +
      "Create one of them, or start as an ordinary user.",
  );
}

function lookUp(name: string): ServerUser | undefined {
  try {
    const ask = (what: string) =>
      Number(execFileSync("id", [what, name], { encoding: "utf8", env: serverEnvironment(), stdio: "pipe" }));
    return { uid: ask("-u"), gid: ask("-g") };
  } catch {
    return undefined;
  }
}
