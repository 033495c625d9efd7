import { createHmac } from "node:crypto";
import { CommitOutcomeUnknownError } from "@acme/domain-events";
import type { Context, Middleware, Next } from "koa";
import type pg from "pg";
import { RateLimiterPostgres, RateLimiterRes } from "rate-limiter-flexible";
import type { Limits } from "../config.ts";
import type { Logger } from "../logging/logger.ts";
import type { EmailAddress } from "../users/email-address.ts";
import { clientOf } from "./client-address.ts";
import { unavailable } from "./error-responses.ts";
import { sweepLimitsRegularly } from "./limit-sweep.ts";
import { Problem } from "./problem.ts";

/** Counts requests per client, and mails per address, in the app database: all processes of the app share the counts. */
export interface RequestLimits {
  /** Counts the request for its client, before its body is read. */
  perClient(): Middleware;
  /**
   * Counts one mail for an address, then causes it. The count is taken back where that failed: nothing was sent then. It is not
   * asked who has the address, so a known and an unknown one are counted and refused alike.
   *
   * @throws {@link Problem} 429 with `Retry-After`; 503 when the counts cannot be read: a limit that cannot be checked is not
   * taken as kept, and the failure is logged. Whatever `cause` throws.
   */
  countMail(email: EmailAddress, cause: () => Promise<void>): Promise<void>;
}

export function createRequestLimits({ pool, limits, secret, logger }: RequestLimitsNeeds): RequestLimits {
  const common = {
    storeClient: pool,
    storeType: "pool",
    tableName: "request_limits",
    tableCreated: true,
    // Its sweep is one statement for all rows, and keeps quiet when that fails.
    clearExpiredByTimeout: false,
  };
  const duration = limits.windowSeconds;
  const clients = new RateLimiterPostgres({ ...common, keyPrefix: "client", points: limits.clientCount, duration });
  const addresses = new RateLimiterPostgres({ ...common, keyPrefix: "address", points: limits.addressCount, duration });
  sweepLimitsRegularly({ pool, logger });

  return {
    perClient: () => limitClient,
    countMail,
  };

  async function countMail(email: EmailAddress, cause: () => Promise<void>): Promise<void> {
    const { msBeforeNext } = await consume(addresses, email);
    const windowEndsAt = performance.now() + msBeforeNext;
    try {
      await cause();
    } catch (error) {
      // After a COMMIT with an unknown outcome the mail may be on its way.
      const isUnsent = !(error instanceof CommitOutcomeUnknownError);
      // Once the window is over, it would be taken from the next one, which has not counted it.
      if (isUnsent && performance.now() < windowEndsAt) await takeBack(addresses, email);
      throw error;
    }
  }

  async function limitClient(ctx: Context, next: Next): Promise<void> {
    await consume(clients, countedAs(ctx));
    await next();
  }

  async function consume(limiter: RateLimiterPostgres, key: string): Promise<RateLimiterRes> {
    try {
      return await limiter.consume(hashOf(key));
    } catch (refusal) {
      if (refusal instanceof RateLimiterRes) throw tooMany(refusal);
      logger.error(
        { err: refusal, limit: limiter.keyPrefix },
        "a request limit could not be checked; the request was refused",
      );
      throw unavailable();
    }
  }

  function hashOf(key: string): string {
    return createHmac("sha256", secret).update(key).digest("base64url");
  }

  async function takeBack(limiter: RateLimiterPostgres, key: string): Promise<void> {
    try {
      await limiter.reward(hashOf(key));
    } catch (error) {
      logger.warn({ err: error, limit: limiter.keyPrefix }, "a count could not be taken back; it ends with its window");
    }
  }
}

interface RequestLimitsNeeds {
  readonly pool: pg.Pool;
  readonly limits: Limits;
  /** Without it nobody can find out by trying which address a key in the table stands for. */
  readonly secret: string;
  readonly logger: Logger;
}

function tooMany({ msBeforeNext }: RateLimiterRes): Problem {
  return new Problem("TOO_MANY_REQUESTS", "Too many requests. Please try again later.", {
    retryAfterSeconds: Math.max(1, Math.ceil(msBeforeNext / 1_000)),
  });
}

// A proxy may name somebody without an address ("unknown"): then it is the proxy that is counted.
function countedAs(ctx: Context): string {
  return clientOf(ctx.ip) ?? clientOf(ctx.req.socket.remoteAddress ?? "") ?? "unknown";
}
