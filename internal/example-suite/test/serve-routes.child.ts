import { serve } from "@hono/node-server";
import { GET } from "../../../examples/next-app/app/health/route.ts";
import { POST } from "../../../examples/next-app/app/orders/route.ts";

serve({
  hostname: "127.0.0.1",
  port: Number(process.env["PORT"]),
  fetch: (request) => (request.method === "POST" ? POST(request) : GET()),
});
