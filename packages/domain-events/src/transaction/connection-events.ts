/** The part of a driver's connection that emits errors and notices. */
export interface SpeakingConnection {
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "notice", listener: (notice: object) => void): unknown;
  listeners(event: "error" | "notice"): unknown[];
}

/** The transaction that uses a connection at the moment. */
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
 * Passes errors and notices of the connection to the holder from now on. The listeners stay on the connection: without
 * an error listener, a backend that is killed between two statements would end the process. Adding and removing them
 * for each transaction would also cost more.
 */
export function holdConnection(connection: SpeakingConnection, holder: ConnectionHolder): void {
  const held = holders.get(connection);
  if (held && isListening(connection, held)) held.current = holder;
  else listenTo(connection, holder);
}

/** Passes nothing to that holder any more. */
export function letGo(connection: SpeakingConnection, holder: ConnectionHolder): void {
  const held = holders.get(connection);
  if (held?.current === holder) held.current = undefined;
}

/** The application may have removed all listeners of the connection. */
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
