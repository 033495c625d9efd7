import { JobsError } from "./errors.ts";

/** Graphile Worker's oldest version. `engines` in package.json says the same, but npm only warns. */
export const oldestNode = { major: 22, minor: 18 };

/** @throws {@link JobsError} `NODE_UNSUPPORTED` on a Node that is too old for a worker to run on. */
export function checkNodeVersion(version = process.versions.node): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > oldestNode.major || (major === oldestNode.major && minor >= oldestNode.minor)) return;
  throw new JobsError(
    "NODE_UNSUPPORTED",
    `This is Node ${version}, which is too old: @acme/jobs needs Node ${oldestNode.major}.${oldestNode.minor} or newer, as Graphile Worker does. Start the process with such a version.`,
  );
}
