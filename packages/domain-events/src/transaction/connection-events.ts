/** The part of a driver's connection that speaks without being asked. */
export interface SpeakingConnection {
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "notice", listener: (notice: object) => void): unknown;
  listeners(event: "error" | "notice"): unknown[];
}

/** Whoever uses a connection at the moment. */
export interface ConnectionHolder {
  lost(error: Error): void;
  noticed(notice: object): void;
}

interface Held {
  current: ConnectionHolder | undefined;
  readonly onError: (error: Error) => void;
  readonly onNotice: (notice: object) => void;
}

const holders = new WeakMap<SpeakingConnection, Held>();

/**
 * Tells the holder what the connection says from now on. The listeners stay: a backend that is killed between two statements would end a
 * process without one, and to add and remove them for each transaction costs more than to have them.
 */
export function holdConnection(connection: SpeakingConnection, holder: ConnectionHolder): void {
  const held = holders.get(connection);
  if (held && isListening(connection, held)) held.current = holder;
  else listenTo(connection, holder);
}

/** Tells that holder nothing any more. */
export function letGo(connection: SpeakingConnection, holder: ConnectionHolder): void {
  const held = holders.get(connection);
  if (held?.current === holder) held.current = undefined;
}

/** Somebody may have removed all listeners of a connection. */
function isListening(connection: SpeakingConnection, { onError, onNotice }: Held): boolean {
  return connection.listeners("error").includes(onError) && connection.listeners("notice").includes(onNotice);
}

function listenTo(connection: SpeakingConnection, holder: ConnectionHolder): void {
  const held: Held = {
    current: holder,
    onError: (error) => held.current?.lost(error),
    onNotice: (notice) => held.current?.noticed(notice),
  };
  connection.on("error", held.onError);
  connection.on("notice", held.onNotice);
  holders.set(connection, held);
}
