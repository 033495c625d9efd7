import { describeOrdersApp } from "@acme/example-suite";
import { runChild } from "@acme/test-postgres";

const main = new URL("../src/main.ts", import.meta.url);

describeOrdersApp("Fastify", { startServer: (env) => runChild(main, { env }) });
