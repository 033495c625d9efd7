import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { loadConfig, settingNames } from "../src/config.ts";

interface Service {
  readonly image: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly healthcheck: { readonly test: readonly string[] };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const compose = parse(read("../../../docker-compose.yml")) as Compose;
const example = parseEnv(read("../.env.example")) as Record<string, string>;

describe("docker-compose.yml and .env.example", () => {
  it("name the same servers, databases, users and passwords", () => {
    const config = loadConfig(example);

    expectServes("postgres", config.databaseUrl);
    expectServes("postgres-jobs", config.jobQueueDatabaseUrl);
    expect(publishedPorts("mail")).toContain(Number(new URL(config.smtpUrl ?? "").port));
    expect([publishedPorts("postgres"), publishedPorts("postgres-jobs")]).toEqual([[5432], [5433]]);
  });

  it("publish every port on this machine only, check every server's health, and keep every server's data", () => {
    for (const { image, ports, volumes, healthcheck } of Object.values(compose.services)) {
      expect(image).toMatch(/:(?:v?\d[\w.-]*)$/);
      expect(ports.filter((port) => !port.startsWith("127.0.0.1:"))).toEqual([]);
      expect(healthcheck.test.length).toBeGreaterThan(1);
      expect(
        volumes
          .map((volume) => volume.split(":")[0])
          .filter((name) => name === undefined || !(name in compose.volumes)),
      ).toEqual([]);
      expect(volumes.length).toBe(1);
    }
  });

  it.each(["postgres", "postgres-jobs"])(
    "ask %s over TCP, where the server of its first start does not answer yet",
    (name) => {
      expect(compose.services[name]?.healthcheck.test.join(" ")).toMatch(/pg_isready -h 127\.0\.0\.1\b/);
    },
  );

  it("leave no setting out, and invent none", () => {
    expect(Object.keys(example).toSorted()).toEqual(settingNames.toSorted());
    const table = read("../README.md").matchAll(/^\| `([A-Z_]+)` +\|/gm);
    expect([...table].map(([, name]) => name).toSorted()).toEqual(settingNames.toSorted());
  });
});

function expectServes(service: string, url: string | undefined): void {
  const { username, password, pathname, port, hostname } = new URL(url ?? "");
  expect(hostname).toBe("127.0.0.1");
  expect(publishedPorts(service)).toEqual([Number(port)]);
  expect(compose.services[service]?.environment).toEqual({
    POSTGRES_USER: username,
    POSTGRES_PASSWORD: password,
    POSTGRES_DB: pathname.slice(1),
  });
}

function publishedPorts(service: string): number[] {
  return (compose.services[service]?.ports ?? []).map((port) => Number(port.split(":")[1]));
}

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), "utf8");
}
