/** The part of a driver's connection that speaks without being asked. */
export interface SpeakingConnection {
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "notice", listener: (notice: object) => void): unknown;
}

/** Whoever uses a connection at the moment. */
export interface ConnectionHolder {
  lost(error: Error): void;
  noticed(notice: object): void;
}

interface Held {
  current: ConnectionHolder | undefined;
}

const holders = new WeakMap<SpeakingConnection, Held>();

/**
 * Tells the holder what the connection says from now on. The listeners stay: a backend that is killed between two statements would end a
 * process without one, and to add and remove them for each transaction costs more than to have them.
 */
export function holdConnection(connection: SpeakingConnection, holder: ConnectionHolder): void {
  const held = holders.get(connection) ?? listenTo(connection);
  held.current = holder;
}

/** Tells that holder nothing any more. */
export function letGo(connection: SpeakingConnection, holder: ConnectionHolder): void {
  const held = holders.get(connection);
  if (held?.current === holder) held.current = undefined;
}

function listenTo(connection: SpeakingConnection): Held {
  const held: Held = { current: undefined };
  connection.on("error", (error) => held.current?.lost(error));
  connection.on("notice", (notice) => held.current?.noticed(notice));
  holders.set(connection, held);
  return held;
}
