import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { root } from "../docs/repository.ts";
import { installProject } from "../packages/npm.ts";

const verdaccioVersion = "6.10.4";

export interface Registry extends AsyncDisposable {
  readonly url: string;
  /** What gives npm this registry for the packages of this repository, and nothing else. */
  readonly forInstalling: Readonly<Record<string, string>>;
  /** The same with the right to publish. */
  readonly forPublishing: Readonly<Record<string, string>>;
}

/** Starts a Verdaccio on loopback, with nothing in it, that asks no other registry. */
export async function startRegistry(base: string): Promise<Registry> {
  const folder = join(base, "registry");
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const config = join(folder, "config.json");
  await writeFile(config, JSON.stringify(configuration(folder)));

  const program = join(await installVerdaccio(), "node_modules/verdaccio/bin/verdaccio");
  const child = spawn(process.execPath, [program, "--config", config, "--listen", `127.0.0.1:${port}`], {
    stdio: "ignore",
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const end = async (): Promise<void> => {
    child.kill();
    await ended;
  };
  try {
    const token = await logIn(url);
    const acme = `@acme:registry=${url}\n`;
    await writeFile(join(folder, "installing.npmrc"), acme);
    await writeFile(
      join(folder, "publishing.npmrc"),
      `${acme}registry=${url}\n//127.0.0.1:${port}/:_authToken=${token}\n`,
    );
  } catch (error) {
    await end();
    throw error;
  }
  // Provenance comes from a workflow that a certificate vouches for: there is none here.
  const forPublishing = {
    npm_config_registry: url,
    npm_config_provenance: "false",
    npm_config_userconfig: join(folder, "publishing.npmrc"),
  };
  const forInstalling = { npm_config_userconfig: join(folder, "installing.npmrc") };
  return { url, forInstalling, forPublishing, [Symbol.asyncDispose]: end };
}

/** YAML has JSON in it. */
function configuration(folder: string): object {
  return {
    storage: join(folder, "storage"),
    web: { enable: false },
    auth: { htpasswd: { file: join(folder, "htpasswd"), max_users: 1 } },
    uplinks: {},
    packages: { "@acme/*": { access: "$all", publish: "$authenticated", unpublish: "$authenticated" } },
    log: { type: "file", path: join(folder, "log"), level: "warn" },
  };
}

/** Beside the lock file: nothing that is published, built or tested needs a registry. */
async function installVerdaccio(): Promise<string> {
  const folder = join(root, "node_modules/.cache", `verdaccio-${verdaccioVersion}`);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}-${process.pid}`;
  try {
    await installProject(unfinished, {
      name: "registry",
      dependencies: { verdaccio: verdaccioVersion },
      // As in the root: it asks for a version by a tag that not every registry has.
      overrides: { "node-fetch": "2.7.0" },
    });
    await rename(unfinished, folder);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return folder;
}

async function logIn(url: string): Promise<string> {
  const user = { name: "rehearsal", password: "a-password-for-a-minute" };
  for (let tries = 0; tries < 600; tries += 1) {
    const answer = await fetch(`${url}-/user/org.couchdb.user:${user.name}`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(user),
    }).catch(() => undefined);
    const { token } = ((await answer?.json()) ?? {}) as { token?: string };
    if (token !== undefined) return token;
    await pause(100);
  }
  throw new Error("The registry did not start within a minute.");
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
