import type { Performing, Spot } from "./spot.ts";
import type { ControlStep, OwnSavepointStep } from "./program.ts";

export async function performOwnSavepoint<Tx>(
  performance: Performing<Tx>,
  spot: Spot<Tx>,
  { name, body, end, recovers, goesOn }: OwnSavepointStep,
): Promise<void> {
  // What siblings did would be torn apart with it.
  if (spot.scope.siblingCount > 0) return performance.performAll(body, spot);
  const inner = { ...spot, isInOwnSavepoint: true };
  const send = (text: string): Promise<unknown> => performance.world.sender.driver.query(spot.tx, text);

  await send(`savepoint ${name}`).catch((error: unknown) => {
    if (!goesOn) throw error;
  });
  try {
    await performance.performAll(body, inner);
  } catch (error) {
    if (!recovers) throw error;
    await send(`rollback to savepoint ${name}`);
    return;
  }
  if (end.startsWith("rollback to")) await send(`ROLLBACK TO ${name}`);
  if (end.endsWith("release")) await send(`release ${name}`);
}

export async function performControl<Tx>(
  { world }: Performing<Tx>,
  spot: Spot<Tx>,
  { verb, name }: ControlStep,
): Promise<void> {
  if (spot.scope.siblingCount === 0) await world.sender.driver.query(spot.tx, `${verb} ${name}`);
}
