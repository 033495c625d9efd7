import { once } from "node:events";
import { pgTransactions } from "@acme/domain-events/pg";
import { NestFactory } from "@nestjs/core";
import { Pool } from "pg";
import { AcmeModule } from "../../src/index.ts";
import { OrdersController, Receipts, STORY, type Story } from "./orders.ts";
import { post } from "./post-order.ts";

const pool = new Pool({ connectionString: process.env["DATABASE_URL"] });
const story: Story = {
  tell: (line) => line.startsWith("sent ") && process.send?.("job done"),
  async gate() {
    process.send?.("in the job");
    await once(process, "message");
  },
};
const acme = AcmeModule.forRoot({
  transactions: pgTransactions(pool),
  jobs: { connection: pool },
  close: () => pool.end(),
});
class Shop {}

const app = await NestFactory.create(
  {
    module: Shop,
    imports: [acme],
    providers: [{ provide: STORY, useValue: story }, Receipts],
    controllers: [OrdersController],
  },
  { logger: ["error", "warn"] },
);
app.enableShutdownHooks();
await app.listen(0, "127.0.0.1");
app.getHttpServer().once("close", () => process.send?.("HTTP is closed"));
await post(await app.getUrl(), { orderId: 1 });
// Nest ends the process by sending the signal to itself once more, and the channel must not hold it up.
process.once("SIGTERM", () => process.once("message", () => process.channel?.unref()));
