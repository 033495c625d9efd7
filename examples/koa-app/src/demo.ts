import { randomBytes } from "node:crypto";
import { startLocalPostgres } from "@acme/local-postgres";
import { createNarrator, type Narrator } from "./demo/narrator.ts";
import { startDemoMailbox, type DemoMailbox } from "./demo/demo-mailbox.ts";
import { startProgram } from "./demo/program.ts";
import { createVisitor } from "./demo/visitor.ts";
import { choosePort } from "./http/server.ts";
import { runCommand } from "./run-command.ts";

const narrator = createNarrator(console.log);

await runCommand(async ({ resources, stopSignal }) => {
  const stopped = new Promise<never>((_, reject) => {
    stopSignal.addEventListener("abort", () => reject(stopSignal.reason));
  });
  await Promise.race([play(resources), stopped]);
  console.log("\nAll of it was seen.");
});

async function play(resources: AsyncDisposableStack): Promise<void> {
  const { see, chapter } = narrator;
  chapter("Servers of its own: nothing of this touches your data");
  const postgres = resources.use(
    await see("a throw-away PostgreSQL runs", startLocalPostgres({ databases: ["app", "jobs"] }), { withinMs: 60_000 }),
  );
  const mailbox = resources.use(await see("an SMTP server that keeps the mails runs", startDemoMailbox()));
  const port = await choosePort({ host: "127.0.0.1", port: 0 });
  const settings: Settings = {
    DATABASE_URL: postgres.url("app"),
    JOB_QUEUE_DATABASE_URL: postgres.url("jobs"),
    SMTP_URL: mailbox.smtpUrl,
    HOST: "127.0.0.1",
    PORT: String(port),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    JOB_QUEUE_ENABLED: "true",
    AUTO_MIGRATE: "true",
    TRUST_PROXY: "false",
    LIMIT_SECRET: randomBytes(32).toString("hex"),
    MAIL_FROM: "no-reply@example.org",
  };

  await registerAndVerify({ narrator, mailbox, settings });
  await killWorkerInTheMiddle({ narrator, mailbox, settings });
}

/** From registration to verification, as one process does it. */
async function registerAndVerify({ narrator: { see, check, chapter, tell }, mailbox, settings }: Scene): Promise<void> {
  chapter("Registration");
  await using app = startProgram("main.ts", settings);
  await see(
    `the app serves at ${settings["PUBLIC_URL"]}, with a worker in the same process`,
    app.logged("server started"),
  );
  const visitor = createVisitor(settings["PUBLIC_URL"] ?? "");

  check("ada@example.org registers over HTTP; the answer is 202", (await visitor.register("ada@example.org")) === 202);
  await see(
    "UserRegistered was published, after the COMMIT was confirmed",
    app.logged("committed", { eventType: "user.registered" }),
  );
  await see(
    "the job written in that very transaction has run",
    app.logged("job done", { task: "send_verification_email", attempt: 1 }),
  );
  const mail = await see("the mail has arrived", mailbox.arrivalOf("ada@example.org"));

  const token = visitor.tokenIn(mail.text);
  check("its link shows a button, and opening it verifies nothing yet", await visitor.opensButton(token));
  check("choosing a password there verifies the address", (await visitor.verify(token)) === 200);
  await see("EmailVerified was published, too", app.logged("committed", { eventType: "user.email-verified" }));
  check("a second press is refused: the link works once", (await visitor.verify(token)) === 410);

  tell("the app is told to stop …");
  check("and has ended cleanly, with nothing half done", (await app.end("SIGTERM")) === "exit 0");
}

/** A worker dies while it sends a mail; another one sends it. */
async function killWorkerInTheMiddle({
  narrator: { see, check, chapter, tell },
  mailbox,
  settings,
}: Scene): Promise<void> {
  chapter("A worker is killed in the middle of a mail");
  await using app = startProgram("main.ts", { ...settings, JOB_QUEUE_ENABLED: "false" });
  await using first = startProgram("worker.ts", settings);
  await see("the app serves again, now without a worker", app.logged("server started"));
  await see(`a worker runs in a process of its own (${first.pid})`, first.logged("worker started"));

  const held = mailbox.hold();
  const visitor = createVisitor(settings["PUBLIC_URL"] ?? "");
  check("grace@example.org registers; the answer is 202", (await visitor.register("grace@example.org")) === 202);
  await see("the worker is sending the mail, and waits for the SMTP server to take it", held);

  const ending = await first.end("SIGKILL");
  check(`the worker is killed with kill -9, in the middle of that (${ending})`, ending === "SIGKILL");
  mailbox.release();
  tell("the mail was not taken. Its job is still locked by a process that is gone …");

  await using second = startProgram("worker.ts", settings);
  await see(`another worker starts (${second.pid})`, second.logged("worker started"));
  const mail = await see("it has found the job, and the mail has arrived", mailbox.arrivalOf("grace@example.org"));
  await see("the job is done", second.logged("job done", { task: "send_verification_email" }));
  check("its link verifies the address", (await visitor.verify(visitor.tokenIn(mail.text))) === 200);
}

interface Scene {
  readonly narrator: Narrator;
  readonly mailbox: DemoMailbox;
  readonly settings: Settings;
}

type Settings = Readonly<Record<string, string>>;
