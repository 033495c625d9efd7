import { printable } from "../output/printable.ts";
import type { Statistics } from "./statistics.ts";

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly { readonly labels?: Readonly<Record<string, string>>; readonly value: number }[];
}

/** Statistics in the text format of Prometheus, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). */
export function renderPrometheus({ overview, tasks, workers }: Omit<Statistics, "minutes">): string {
  const { outbox } = overview;
  const metrics: Metric[] = [
    {
      name: "acme_jobs_count",
      help: "Jobs in the queue, by task and state.",
      samples: tasks.flatMap(({ task, due, scheduled, locked }) =>
        Object.entries({ due, scheduled, locked }).map(([state, value]) => ({ labels: { task, state }, value })),
      ),
    },
    {
      name: "acme_jobs_oldest_due_age_seconds",
      help: "How long the oldest due job of a task has been due.",
      samples: tasks.map(({ task, oldestDueAgeMs }) => ({ labels: { task }, value: oldestDueAgeMs / 1_000 })),
    },
    {
      name: "acme_jobs_dead_letters",
      help: "Dead letters, by task.",
      samples: tasks.map(({ task, dead }) => ({ labels: { task }, value: dead })),
    },
    {
      name: "acme_jobs_done_per_minute",
      help: "Attempts that succeeded, in a minute of the last five.",
      samples: tasks.map(({ task, donePerMinute }) => ({ labels: { task }, value: donePerMinute })),
    },
    {
      name: "acme_jobs_failed_per_minute",
      help: "Attempts that failed, in a minute of the last five.",
      samples: tasks.map(({ task, failedPerMinute }) => ({ labels: { task }, value: failedPerMinute })),
    },
    { name: "acme_jobs_workers_alive", help: "Workers that are alive.", samples: [{ value: overview.workersAlive }] },
    {
      name: "acme_jobs_running",
      help: "Jobs that run.",
      samples: [{ value: workers.reduce((sum, { running = 0 }) => sum + running, 0) }],
    },
    {
      name: "acme_jobs_concurrency",
      help: "Jobs that could run at the same time.",
      samples: [
        { value: workers.reduce((sum, { isAlive, about }) => sum + (isAlive ? (about?.concurrency ?? 0) : 0), 0) },
      ],
    },
  ];
  if (typeof outbox === "object") {
    metrics.push(
      { name: "acme_outbox_count", help: "Rows in the outbox, to 10,000.", samples: [{ value: outbox.pendingCount }] },
      {
        name: "acme_outbox_oldest_age_seconds",
        help: "How long the oldest row of the outbox has waited.",
        samples: [{ value: outbox.oldestAgeMs / 1_000 }],
      },
    );
  }
  return metrics.map(renderMetric).join("");
}

function renderMetric({ name, help, samples }: Metric): string {
  const lines = samples.map(({ labels = {}, value }) => `${name}${renderLabels(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join("")}`;
}

function renderLabels(labels: Readonly<Record<string, string>>): string {
  const texts = Object.entries(labels).map(([name, value]) => `${name}="${escape(value)}"`);
  return texts.length === 0 ? "" : `{${texts.join(",")}}`;
}

/** Without what could change the terminal of a person who reads it. */
function escape(value: string): string {
  return printable(value).replaceAll("\\", "\\\\").replaceAll('"', '\\"');
}
