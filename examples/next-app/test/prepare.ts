// Installs Next, and the packages of this repository as npm would bring them, and builds the site. Next bundles packages that are only
// linked, whatever `serverExternalPackages` says.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const app = join(import.meta.dirname, "..");
const root = join(app, "../..");
const tarballs = mkdtempSync(join(tmpdir(), "next-app-"));

try {
  npm(app, "ci --silent");
  for (const name of ["domain-events", "jobs"]) {
    npm(join(root, "packages", name), `pack --silent --pack-destination "${tarballs}"`);
  }
  const packed = readdirSync(tarballs).map((file) => `"${join(tarballs, file)}"`);
  npm(app, `install --silent --no-save --no-package-lock ${packed.join(" ")} pg@8.23.1 zod@4.6.7`);
  npm(app, "run --silent build");
} finally {
  rmSync(tarballs, { recursive: true, force: true });
}

function npm(cwd: string, command: string): void {
  // One line for a shell: npm is a script, and one of another kind on Windows.
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1" };
  const { status } = spawnSync(`npm ${command}`, { cwd, env, stdio: ["ignore", "ignore", "inherit"], shell: true });
  if (status !== 0) process.exit(status ?? 1);
}
