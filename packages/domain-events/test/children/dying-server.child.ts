// A unit of work against a server that says "ready" and "terminated" in one packet.
import { createServer } from "node:net";
import { Pool } from "pg";
import { createUnitOfWork } from "../../src/index.ts";
import { pgTransactions } from "../../src/pg.ts";

const authenticated = message("R", Buffer.alloc(4));
const ready = message("Z", Buffer.from("I"));
const terminated = message("E", Buffer.from("SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0"));

const server = createServer((socket) => {
  socket.on("error", () => undefined);
  socket.once("data", () => socket.end(Buffer.concat([authenticated, ready, terminated])));
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const pool = new Pool({ host: "127.0.0.1", port, user: "a", database: "a", password: "a" });
  pool.on("error", () => undefined);
  createUnitOfWork(pgTransactions(pool))
    .run(() => undefined)
    .then(
      () => process.exit(2),
      () => process.exit(0),
    );
});

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
