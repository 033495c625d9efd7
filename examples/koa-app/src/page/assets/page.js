// Sends the forms as JSON and shows mails as they come. Without this script the page works by reloading.

for (const form of document.querySelectorAll("form[data-json]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(form);
  });
}

const mails = document.querySelector("#mails");
if (mails !== null) void watchMails(mails);

async function send(form) {
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const response = await fetch(form.dataset.json, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(Object.fromEntries(new FormData(form))),
    });
    const answer = await response.json();
    showFieldErrors(form, answer.error?.fields ?? {});
    showOutcome(form, answer.error?.message ?? answer.message, !response.ok);
    if (response.ok) form.reset();
  } catch {
    showOutcome(form, "The server cannot be reached. Please try again.", true);
  } finally {
    button.disabled = false;
  }
}

function showFieldErrors(form, fields) {
  for (const input of form.querySelectorAll("input")) {
    const messages = fields[input.name] ?? [];
    input.setAttribute("aria-invalid", String(messages.length > 0));
    document.querySelector(`#${input.id}-error`).textContent = messages.join(" ");
  }
  form.querySelector('[aria-invalid="true"]')?.focus();
}

function showOutcome(form, message, failed) {
  const outcome = form.querySelector(".outcome");
  outcome.textContent = message;
  outcome.classList.toggle("failed", failed);
}

async function watchMails(list) {
  for (;;) {
    if (!document.hidden) await showNewMails(list).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 700));
  }
}

// Mails that are shown already stay as they are: a person may be reading one.
async function showNewMails(list) {
  const newest = list.querySelector("article")?.id.slice("mail-".length) ?? "0";
  const response = await fetch(`/mails?after=${newest}`, { headers: { Accept: "text/html" } });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelectorAll("article");
  list.prepend(...Array.from(fresh, (article) => document.adoptNode(article)));
}
