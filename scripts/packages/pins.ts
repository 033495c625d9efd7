// What the packages are tried with. Raise these on purpose; docs/releases.md names them, too.

/** Of each line of Node the oldest version that a package claims, and a recent one. */
export const nodeVersions = ["20.19.0", "22.18.0", "22.23.3", "24.21.0", "26.10.0"] as const;

/** The name of an installed compiler, and its version. */
export const typescriptVersions = { "5.9": "5.9.3", "6.0": "6.0.3", "7.0": "7.0.2" } as const;

export const bunVersion = "1.4.5";
export const denoVersion = "2.9.6";
export const jestVersion = "30.5.2";
export const esbuildVersion = "0.28.2";

/** What a project has besides the packages and their peers. */
export const projectDependencies = { "@types/node": "22.20.5", zod: "4.6.7" } as const;
