import { createLogger } from "../../src/logging/logger.ts";

const logger = createLogger({ level: "info" });
for (let line = 0; line < 1_000; line += 1) logger.info({ filler: "x".repeat(1_000) }, "early");
process.stderr.write("written\n");
process.stdin.once("data", () => {
  logger.info("late");
  process.stdin.destroy();
});
