import { existsSync } from "node:fs";
import { createTransport } from "nodemailer";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { contrastOf } from "./support/contrast.ts";
import { linkIn, mailTo, newAddress, password } from "./support/people.ts";
import { sendRaw } from "./support/send-raw.ts";
import { startTestApp, type TestApp } from "./support/test-app.ts";

const executablePath = [process.env["CHROMIUM_PATH"], "/usr/bin/chromium"].find((path) => path && existsSync(path));
const skipped = executablePath ? "" : " (skipped: no Chromium here; install one, or name it in CHROMIUM_PATH)";

describe.skipIf(executablePath === undefined)(`the page in a browser${skipped}`, { timeout: 60_000 }, () => {
  let browser: Browser;
  let app: TestApp;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath ?? "", args: ["--no-sandbox"] });
    app = await startTestApp();
  });
  afterAll(async () => {
    await browser.close();
    await app[Symbol.asyncDispose]();
  });

  it("registers a person, who reads the mail in it, follows the link and is verified", async () => {
    const email = newAddress();
    await using page = await openPage();
    // The link names the public address of the app; in this test the app is somewhere else.
    await page.context().route("https://accounts.example.org/**", async (route) => {
      const { pathname, search } = new URL(route.request().url());
      await route.fulfill({ response: await route.fetch({ url: app.url + pathname + search }) });
    });

    await page.getByLabel("E-mail address").first().fill(email);
    await page.getByRole("button", { name: "Register" }).click();

    await page.getByText("Look into your mailbox").waitFor();
    const mail = page.locator("article", { hasText: email });
    await mail.waitFor({ timeout: 2_000 });
    const opened = page.context().waitForEvent("page");
    await mail.locator("iframe").contentFrame().getByRole("link", { name: "Verify my address" }).click();
    const tab = await opened;
    await tab.getByLabel("Password").fill(password);
    await tab.getByRole("button", { name: "Verify my address" }).click();
    await tab.getByText("Thank you, your address is verified.").waitFor();
    expect(await isVerified(email)).toBe(true);
  });

  it("keeps a mail from running anything", async () => {
    await using page = await openPage();

    const frames = await page
      .locator("article iframe")
      .evaluateAll((elements) => elements.map((element) => element.getAttribute("sandbox")));

    expect(frames.length).toBeGreaterThan(0);
    expect(new Set(frames)).toEqual(new Set(["allow-popups allow-popups-to-escape-sandbox"]));
    const response = await app.fetch(`/mails/${app.catcher.mails()[0]?.id}`);
    expect(response.headers.get("content-security-policy")).toMatch(/^sandbox allow-popups [^;]*; default-src 'none';/);
  });

  it("opens a mail in a tab of its own, where a frame is too small for it", async () => {
    const email = newAddress();
    await app.post("/auth/register", { email });
    await mailTo(app, email);
    await using page = await openPage();
    const opened = page.context().waitForEvent("page");

    await page.locator("article", { hasText: email }).getByRole("link", { name: "open it in a tab" }).click();

    await (await opened).getByRole("link", { name: "Verify my address" }).waitFor();
    expect((await opened).url()).toBe(`${app.url}/mails/${app.mailsTo(email)[0]?.id}`);
  });

  it("shows the newest mail first, and does not disturb those that are there", async () => {
    const [first, second] = [newAddress(), newAddress()];
    await using page = await openPage();
    await app.post("/auth/register", { email: first });
    await page.locator("article", { hasText: first }).waitFor();
    await page.locator("article", { hasText: first }).evaluate((element) => element.setAttribute("data-seen", "yes"));

    await app.post("/auth/register", { email: second });
    await page.locator("article", { hasText: second }).waitFor();

    const texts = await page.locator("article").allInnerTexts();
    expect(texts[0]).toContain(second);
    expect(texts[1]).toContain(first);
    expect(await page.locator("article[data-seen]").count()).toBe(1);
  });

  it("says beside the field what is wrong with it, and puts the cursor there", async () => {
    await using page = await openPage();
    await page.getByLabel("E-mail address").first().fill("not an address");

    await page.getByRole("button", { name: "Register" }).click();

    await page.getByText("Enter an e-mail address such as").waitFor();
    const input = page.locator("#register-email");
    expect(await input.getAttribute("aria-invalid")).toBe("true");
    expect(await input.evaluate((element) => element.matches(":focus"))).toBe(true);
  });

  it("works without JavaScript", async () => {
    const email = newAddress();
    await using page = await openPage({ javaScriptEnabled: false });

    await page.getByLabel("E-mail address").first().fill("not an address");
    await page.getByRole("button", { name: "Register" }).click();
    await page.getByText("Enter an e-mail address such as").waitFor();
    await page.getByLabel("E-mail address").first().fill(email);
    await page.getByRole("button", { name: "Register" }).click();
    await page.getByText("Look into your mailbox").waitFor();
    const { pathname, search } = linkIn(await mailTo(app, email));
    await page.goto(app.url + pathname + search);
    await page.getByLabel("Password").fill("short");
    await page.getByRole("button", { name: "Verify my address" }).click();
    await page.getByText("Use at least 8 characters.").waitFor();
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Verify my address" }).click();

    await page.getByText("Thank you, your address is verified.").waitFor();
    expect(await isVerified(email)).toBe(true);
  });

  it("says without JavaScript in the form that was sent what became of it, and keeps what was typed", async () => {
    await using page = await openPage({ javaScriptEnabled: false });
    const resend = page.locator("details");
    await resend.locator("summary").click();
    await resend.getByLabel("E-mail address").fill("not an address");
    await resend.getByRole("button", { name: "Send it again" }).click();

    await resend.getByText("Enter an e-mail address such as").waitFor();
    expect(await resend.getByLabel("E-mail address").inputValue()).toBe("not an address");
    expect(await resend.getByRole("status").innerText()).toContain("Some fields cannot be used.");
    expect(await page.locator("#register-email").inputValue()).toBe("");
    expect(await page.locator("#register-email-error").innerText()).toBe("");

    await resend.getByLabel("E-mail address").fill(newAddress());
    await resend.getByRole("button", { name: "Send it again" }).click();
    await resend.getByText("Look into your mailbox").waitFor();
  });

  it("sends a form once without JavaScript, however often the page is loaded again", async () => {
    const email = newAddress();
    await using page = await openPage({ javaScriptEnabled: false });
    await page.getByLabel("E-mail address").first().fill(email);
    await page.getByRole("button", { name: "Register" }).click();
    await page.getByText("Look into your mailbox").waitFor();
    await mailTo(app, email);
    const before = postCount();

    await page.reload();
    await page.getByText("Look into your mailbox").waitFor();

    expect(postCount()).toBe(before);
  });

  it.each(["light", "dark"] as const)("draws fields so that everybody sees where they end: %s", async (colorScheme) => {
    await using page = await openPage({ colorScheme });

    const { edge, inside, outside } = await page.locator("#register-email").evaluate((input) => ({
      edge: getComputedStyle(input).borderTopColor,
      inside: getComputedStyle(input).backgroundColor,
      outside: getComputedStyle(input.closest("form") ?? input).backgroundColor,
    }));

    // WCAG 1.4.11.
    expect(contrastOf(edge, inside)).toBeGreaterThanOrEqual(3);
    expect(contrastOf(edge, outside)).toBeGreaterThanOrEqual(3);
  });

  it("has a place for what became of a form before there is anything to say, so that screen readers announce it", async () => {
    await using page = await openPage();

    const status = page.locator("form").first().getByRole("status");

    expect(await status.evaluate((element) => getComputedStyle(element).display)).not.toBe("none");
    expect(await status.innerText()).toBe("");
  });

  it("shows the newest fifty mails, and asks for those alone that it does not show", async () => {
    await using own = await startTestApp();
    const transport = createTransport({ url: own.catcher.smtpUrl, pool: true });
    for (let index = 0; index < 51; index += 1) await transport.sendMail({ from: "a@b.example", to: "c@d.example" });
    transport.close();
    await using page = await openPage();
    const answer = page.waitForResponse((response) => response.url().startsWith(`${own.url}/mails?`));

    await page.goto(own.url);

    expect(await page.locator("article").count()).toBe(50);
    expect(await page.locator("iframe[loading=lazy]").count()).toBe(50);
    expect((await answer).url()).toBe(`${own.url}/mails?after=${own.catcher.mails()[0]?.id}`);
    expect(await (await answer).text()).toBe("");
  });

  it("breaks none of its own rules in the console, light or dark, wide or narrow", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      await using page = await openPage({ colorScheme, viewport: { width: 360, height: 740 } });
      await page.getByRole("button", { name: "Register" }).waitFor();

      const overflow = await page.locator("html").evaluate((html) => html.scrollWidth - html.clientWidth);
      expect(overflow).toBe(0);
      expect(page.complaints).toEqual([]);
    }
  });

  function postCount(): number {
    return app.logLines().filter((line) => line.msg === "request" && line["method"] === "POST").length;
  }

  async function isVerified(email: string): Promise<boolean> {
    const { rows } = await app.data.query("select verified_at from users where email = $1", [email]);
    return rows[0].verified_at !== null;
  }

  async function openPage(options: Parameters<Browser["newContext"]>[0] = {}): Promise<WatchedPage> {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(app.url);
    return Object.assign(page, { complaints, [Symbol.asyncDispose]: () => context.close() });
  }
});

/** Of the browser. */
declare function getComputedStyle(
  element: unknown,
): Readonly<Record<"display" | "borderTopColor" | "backgroundColor", string>>;

type WatchedPage = Page & AsyncDisposable & { readonly complaints: readonly string[] };

describe("the page", () => {
  it("shows no mail once a real SMTP server is in use", async () => {
    await using app = await startTestApp({ showsMails: false });
    const email = newAddress();
    await app.post("/auth/register", { email });
    const mail = await mailTo(app, email);

    const page = await (await app.fetch("/")).text();

    expect(page).toContain("Registration");
    expect(page).not.toContain("Caught mails");
    expect(page).not.toContain(mail.subject);
    for (const path of ["/mails", "/mails/", `/mails/${mail.id}`]) expect((await app.fetch(path)).status).toBe(404);
  });

  it("shows mails to nobody who asks for them under a foreign name, as a rebound DNS name would", async () => {
    await using app = await startTestApp();
    const email = newAddress();
    await app.post("/auth/register", { email });
    const { id } = await mailTo(app, email);
    const ask = (path: string, host: string) => sendRaw(app.url, [`GET ${path} HTTP/1.1`, `Host: ${host}`]);

    for (const host of ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:3000", "", "["]) {
      for (const path of ["/mails", "/mails/", `/mails/${id}`]) {
        expect(await ask(path, host)).toMatch(/^HTTP\/1\.1 421 [^]*"code":"HOST_UNKNOWN"/);
      }
      expect(await ask("/", host)).not.toContain(email);
    }
    expect(await ask("/mails", "evil.example\r\nX-Forwarded-Host: localhost")).toMatch(/^HTTP\/1\.1 421 /);
    for (const host of ["localhost:3000", "127.0.0.1", "[::1]:3000", "accounts.example.org"]) {
      expect(await ask("/mails", host)).toContain(email);
      expect(await ask("/", host)).toContain(email);
    }
  });

  it("does not fill the log while it looks for mails", async () => {
    await using app = await startTestApp();

    for (const path of ["/", "/mails", "/assets/page.js", "/health/live", "/mails/99"]) await app.fetch(path);

    const requests = app.logLines().filter(({ msg }) => msg === "request");
    expect(requests.map(({ level }) => level)).toEqual(["info", "debug", "debug", "debug", "info"]);
  });

  it("escapes what a mail says about itself", async () => {
    await using app = await startTestApp();
    const email = "o'brien&co@example.org";
    await app.post("/auth/register", { email });
    await mailTo(app, email);

    expect(await (await app.fetch("/")).text()).toContain("to o&#39;brien&amp;co@example.org at");
  });
});
