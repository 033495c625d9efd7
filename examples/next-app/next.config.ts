import type { NextConfig } from "next";

export default {
  // They load files of their own at run time, so they stay out of Next's bundles.
  serverExternalPackages: ["@acme/domain-events", "@acme/jobs", "pg"],
  turbopack: { root: import.meta.dirname },
  // `tsc` does it.
  typescript: { ignoreBuildErrors: true },
} satisfies NextConfig;
