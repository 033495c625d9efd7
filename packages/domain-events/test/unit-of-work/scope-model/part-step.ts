import type { UnitContext } from "../../../src/index.ts";
import type { Place } from "./ledger.ts";
import { joinedSpot, newScope, type Performing, type Spot } from "./spot.ts";
import type { PartStep } from "./program.ts";

export async function performPart<Tx>(performance: Performing<Tx>, spot: Spot<Tx>, step: PartStep): Promise<void> {
  try {
    await startPart(performance, spot, step);
  } catch (error) {
    if (!step.swallowed) throw error;
  }
}

function startPart<Tx>(performance: Performing<Tx>, spot: Spot<Tx>, step: PartStep): Promise<void> {
  const body = async (inner: Spot<Tx>): Promise<void> => {
    await performance.performAll(step.body, inner);
    if (step.throws) throw new Error("boom");
  };
  const joined = (context: UnitContext<Tx>): Promise<void> => body(joinedSpot(spot, context));
  const { side } = spot;
  switch (step.kind) {
    case "savepoint":
      return savepoint(spot, body);
    case "run":
      return side.unitOfWork.run(joined);
    case "run of another adapter":
      return side.sameByOtherAdapter.run(joined);
    case "nested":
      return nested(performance, spot, body);
    default:
      return elsewhere(performance, body);
  }
}

async function savepoint<Tx>(spot: Spot<Tx>, body: (inner: Spot<Tx>) => Promise<void>): Promise<void> {
  const inner = newScope();
  await spot.context.savepoint((context) => body({ ...spot, ...inner, context }));
  spot.scope.done.push(...inner.scope.done);
}

/** What a driver has of its own: siblings would be torn apart with it, so among them it is left out. */
function nested<Tx>(
  { world }: Performing<Tx>,
  spot: Spot<Tx>,
  body: (inner: Spot<Tx>) => Promise<void>,
): Promise<void> {
  if (!world.sender.nested || spot.scope.siblingCount > 0) return body(spot);
  return world.sender.nested(spot.tx, (tx) => body({ ...spot, tx, isInOwnSavepoint: true }));
}

async function elsewhere<Tx>({ world }: Performing<Tx>, body: (inner: Spot<Tx>) => Promise<void>): Promise<void> {
  const side = world.elsewhere;
  await side.unitOfWork.run(async (context) => {
    const { tx } = context;
    const place: Place = { name: "elsewhere", tx, isWorking: true };
    try {
      await body({ context, tx, side, place, mayBeLeft: false, ...newScope() });
    } finally {
      place.isWorking = false;
    }
  });
}
