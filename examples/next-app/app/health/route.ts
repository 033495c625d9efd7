import { services } from "../../src/services.ts";

export const dynamic = "force-dynamic";

export async function GET(): Promise<Response> {
  return Response.json(await services().jobs.health());
}
