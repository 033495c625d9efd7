import type { Router } from "@koa/router";
import { authRoutes } from "./http/auth-routes.ts";
import { healthRoutes } from "./http/health-routes.ts";
import type { RequestLimits } from "./http/request-limits.ts";
import type { Surroundings } from "./http/this-machine.ts";
import { verifyEmailRoutes } from "./http/verify-email-routes.ts";
import type { Health } from "./health.ts";
import type { MailCatcher } from "./local/mail-catcher.ts";
import { mailRoutes } from "./page/mail-routes.ts";
import { pageRoutes } from "./page/page-routes.ts";
import type { UseCases } from "./users/use-cases.ts";

/** Everything that can be asked for over HTTP. */
export function createRoutes({ useCases, limits, checkHealth, catcher, surroundings }: RoutesNeeds): Router[] {
  const { registerUser, requestVerification, verifyEmail } = useCases;
  return [
    authRoutes({ limits, registerUser, requestVerification }),
    verifyEmailRoutes({ limits, verifyEmail }),
    healthRoutes({ checkHealth }),
    pageRoutes({ limits, registerUser, requestVerification, catcher, ...surroundings }),
    ...(catcher === undefined ? [] : [mailRoutes({ catcher, ...surroundings })]),
  ];
}

interface RoutesNeeds {
  readonly useCases: UseCases;
  readonly limits: RequestLimits;
  readonly checkHealth: () => Promise<Health>;
  readonly catcher: MailCatcher | undefined;
  readonly surroundings: Surroundings;
}
