import { randomUUID } from "node:crypto";
import { OrderPlaced } from "../../src/orders.ts";
import { services } from "../../src/services.ts";
import { withRequestId } from "../../src/with-request-id.ts";

export const POST = withRequestId(async (request) => {
  const { item } = (await request.json()) as { readonly item: string };
  const orderId = randomUUID();
  try {
    await services().unitOfWork.run(async ({ tx, record }) => {
      await tx.query("insert into orders (id, item) values ($1, $2)", [orderId, item]);
      record(new OrderPlaced({ orderId }));
    });
  } catch {
    return Response.json({ error: "The order could not be stored." }, { status: 500 });
  }
  return Response.json({ orderId }, { status: 201 });
});
