import type { DefaultTheme } from "vitepress";
import { packageEntries } from "../../scripts/docs/package-entries.ts";
import { filesMatching, read } from "../../scripts/docs/repository.ts";

type Item = DefaultTheme.SidebarItem;

const page = (text: string, link: string): Item => ({ text, link });

/** The rooms of the site. A page that is in none of them fails `npm run docs:build`. */
export const sidebar: Item[] = [
  {
    text: "Start",
    items: [
      page("Tutorial", "/tutorial"),
      page("Which of these do I need", "/which"),
      page("Questions and answers", "/questions"),
      page("Side by side with others", "/comparison"),
    ],
  },
  {
    text: "Guides",
    items: [
      page("By task", "/guides/"),
      page("Transactions", "/guides/transactions"),
      page("Durable handlers", "/guides/durable-handlers"),
      page("Retries", "/guides/retries"),
      page("Schedules", "/guides/schedules"),
      page("Pauses", "/guides/pauses"),
      page("Idempotency and webhooks", "/guides/idempotency"),
      page("Running workers", "/guides/workers"),
      page("Shutdown", "/guides/shutdown"),
      page("Deploys", "/guides/deploys"),
      page("Metrics and alerts", "/guides/metrics"),
      page("Tenants", "/guides/tenants"),
      page("Testing", "/guides/testing"),
      page("Two databases", "/guides/two-databases"),
      {
        ...page("Query builders and ORMs", "/guides/data-layers"),
        items: [
          page("Drizzle", "/guides/drizzle"),
          page("Kysely", "/guides/kysely"),
          page("TypeORM", "/guides/typeorm"),
          page("MikroORM", "/guides/mikro-orm"),
          page("Prisma", "/guides/prisma"),
          page("What a swallowed error does", "/guides/swallowed-errors"),
        ],
      },
      page("Frameworks", "/guides/frameworks"),
      page("Write an adapter", "/guides/adapters"),
      page("Another queue", "/guides/durable-stores"),
    ],
  },
  {
    text: "Moving from",
    items: [
      page("@nestjs/cqrs", "/guides/from-nestjs-cqrs"),
      page("EventEmitter2", "/guides/from-eventemitter2"),
      page("Graphile Worker", "/guides/graphile-worker"),
      page("pg-boss", "/guides/from-pg-boss"),
      page("BullMQ", "/guides/from-bullmq"),
    ],
  },
  {
    text: "Operations",
    items: [
      page("Runbook", "/runbook"),
      page("Roles and rights", "/guides/roles"),
      page("Crashes and failover", "/failover"),
      page("An exercise", "/exercise"),
    ],
  },
  {
    text: "Reference",
    items: [
      page("@acme/domain-events", "/packages/domain-events"),
      page("@acme/jobs", "/packages/jobs"),
      page("@acme/nestjs", "/packages/nestjs"),
      page("@acme/test-database", "/packages/test-database"),
      page("The reference app", "/packages/koa-app"),
      { ...page("API", "/api/"), collapsed: true, items: packageEntries().map(toEntry) },
      page("Errors", "/errors"),
      page("Guarantees", "/guarantees"),
      page("Hazards", "/hazards"),
      page("Benchmarks", "/benchmarks"),
      page("Releases", "/releases"),
      page("Architecture", "/architecture"),
      page("Glossary", "/glossary"),
    ],
  },
  {
    text: "Decisions",
    collapsed: true,
    items: [page("All decisions", "/decisions/"), ...decisions()],
  },
];

function toEntry({ specifier }: { readonly specifier: string }): Item {
  return page(specifier, `/api/${specifier}/`);
}

function decisions(): Item[] {
  return filesMatching("docs/decisions/0*.md").map((file) => {
    const [, number, title] = /^# (\d+)\. (.+)$/m.exec(read(file)) ?? [];
    return page(`${number}. ${title}`, file.replace(/^docs(.+)\.md$/, "$1"));
  });
}
