import { once } from "node:events";
import { Agent, request } from "node:http";
import { createConnection, type Socket } from "node:net";
import Koa, { type Context } from "koa";
import { describe, expect, it } from "vitest";
import { choosePort, startServer } from "../src/http/server.ts";

/** Nobody waits for it: a stop that needs it fails for its time. */
const deadlineMs = 600_000;

describe("the connections of a server that stops", () => {
  it("end with the next answer, however fast their clients go on asking", async () => {
    let answeredCount = 0;
    let stopped: Promise<void> | undefined;
    await using scene = await startScene(async (ctx) => {
      answeredCount += 1;
      ctx.body = "ok";
      if (answeredCount === 100) stopped = scene.stop();
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 5 });

    const clients = Array.from({ length: 5 }, () => askUntilRefused(scene.port, agent));
    const answers = await Promise.all(clients);
    await stopped;

    // The one that stops, those that run beside it, and one more on each connection whose answer had begun.
    expect(answeredCount).toBeLessThanOrEqual(100 + 2 * 5);
    expect(answers.flat().filter((connection) => connection === "close").length).toBeGreaterThan(0);
    agent.destroy();
  });

  it("say so in the answer to a request that was running", async () => {
    await using scene = await startScene((ctx) => scene.hold(ctx));
    const client = await connectTo(scene.port);
    client.socket.write(head("/"));
    await scene.held;

    const stopped = scene.stop();
    scene.release();

    await stopped;
    expect(await client.ended).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\nConnection: close\r\n/);
  });

  it("say so in the answer to a request whose head was on the way", async () => {
    await using scene = await startScene((ctx) => void (ctx.body = "ok"));
    const client = await connectTo(scene.port);
    await client.ask("/");
    const whole = head("/");
    client.socket.write(whole.slice(0, 10));
    await expect.poll(() => scene.receivedBytes()).toBe(whole.length + 10);

    const stopped = scene.stop();
    client.socket.write(whole.slice(10));

    await stopped;
    const answers = await client.ended;
    expect(answers.match(/HTTP\/1\.1 200 OK\r\n/g)).toHaveLength(2);
    expect(answers.match(/^Connection: .*$/gim)).toEqual(["Connection: keep-alive", "Connection: close"]);
  });

  // Within the time after which Node itself closes a connection that is kept.
  it("are closed when they fall idle, where the answer had begun before", { timeout: 5_000 }, async () => {
    await using scene = await startScene(async (ctx) => {
      ctx.res.writeHead(200, { "content-length": "2" });
      ctx.res.write("o");
      ctx.respond = false;
      await scene.hold(ctx);
      ctx.res.end("k");
    });
    const client = await connectTo(scene.port);
    client.socket.write(head("/"));
    await scene.held;

    const stopped = scene.stop();
    scene.release();

    await stopped;
    expect(await client.ended).toMatch(/\r\nConnection: keep-alive\r\n[^]*\r\n\r\nok$/);
  });

  // Far sooner than the deadline, and sooner than Node would end what it waits for.
  it.each([
    { part: "of its head", sent: "G" },
    { part: "of its body", sent: "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nfour" },
  ])("are closed soon when only a part $part has come of a request", { timeout: 8_000 }, async ({ sent }) => {
    await using scene = await startScene(async (ctx) => {
      for await (const part of ctx.req) ctx.body = String(part);
    });
    const client = await connectTo(scene.port);
    await client.ask("/");
    client.socket.write(sent);
    await expect.poll(() => scene.receivedBytes()).toBe(head("/").length + sent.length);

    await scene.stop();

    await client.ended;
  });

  it("are closed at once when nothing is asked on them, or never was", async () => {
    await using scene = await startScene((ctx) => void (ctx.body = "ok"));
    const silent = await connectTo(scene.port);
    const kept = await connectTo(scene.port);
    await kept.ask("/");

    await scene.stop();

    expect(await silent.ended).toBe("");
    expect(await kept.ended).toMatch(/\r\nConnection: keep-alive\r\n/);
  });
});

async function startScene(answer: (ctx: Context) => Promise<void> | void) {
  const sockets = new Set<Socket>();
  const { promise: held, resolve: announce } = Promise.withResolvers<void>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const app = new Koa();
  app.silent = true;
  app.use(async (ctx) => {
    sockets.add(ctx.req.socket);
    await answer(ctx);
  });
  const port = await choosePort({ host: "127.0.0.1", port: 0 });
  const server = await startServer(app, { host: "127.0.0.1", port });
  return {
    port,
    held,
    release,
    async hold(ctx: Context) {
      announce();
      await released;
      ctx.body = "ok";
    },
    receivedBytes: () => [...sockets].reduce((sum, { bytesRead }) => sum + bytesRead, 0),
    stop: () => server.stop({ deadlineMs }),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Asks on kept connections until there is no server any more. Returns what each answer said of its connection. */
async function askUntilRefused(port: number, agent: Agent): Promise<(string | undefined)[]> {
  const said: (string | undefined)[] = [];
  for (;;) {
    const outcome = await ask(port, agent);
    if (outcome === "ECONNREFUSED") return said;
    said.push(outcome);
  }
}

function ask(port: number, agent: Agent): Promise<string | undefined> {
  return new Promise((resolve) => {
    request({ port, host: "127.0.0.1", agent }, (response) => {
      response.resume().on("end", () => resolve(response.headers.connection));
    })
      .on("error", (error) => resolve("code" in error ? String(error.code) : error.name))
      .end();
  });
}

async function connectTo(port: number) {
  const socket = createConnection({ host: "127.0.0.1", port }).setEncoding("utf8");
  let text = "";
  socket.on("data", (part: string) => (text += part)).on("error", () => undefined);
  const ended = once(socket, "close").then(() => text);
  await once(socket, "connect");
  return {
    socket,
    /** Everything that came, once the connection is closed. */
    ended,
    async ask(path: string) {
      socket.write(head(path));
      await once(socket, "data");
    },
  };
}

function head(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
}
