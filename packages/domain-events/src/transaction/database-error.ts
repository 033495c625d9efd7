/** An error of PostgreSQL carries a five-character SQLSTATE. EPIPE has five letters and is none. */
const sqlState = /^(?:[0-9][0-9A-Z]|F0|HV|P0|XX)[0-9A-Z]{3}$/;
/** What the code of a trigger or function of one's own may raise; errors of Node have codes of such a shape, and no severity. */
const anyState = /^[0-9A-Z]{5}$/;
const connectionState = /^(?:08|57P0|40003)/;
// These may come when the commit is on disk already: the server goes down over it, or heeds a cancel or a time limit only when it has
// committed and writes its log. How bad it was is only said in the server's language.
const maybeAfterwards = /^(?:25P0[34]|53|57|58|XX)/;
const socketError = /^(?:E(?:CONN|PIPE|TIMEDOUT|NOTFOUND|HOSTUNREACH|NETUNREACH|AI_AGAIN)|ERR_SOCKET|ERR_STREAM)/;
// At the end, because knex puts the statement in front.
const driverMessage =
  /(?:connection terminated(?: unexpectedly| due to connection timeout)?|query read timeout|is not queryable|connection timeout|timeout expired)$/i;

export function codeOf(error: unknown): string | undefined {
  try {
    return typeof error === "object" && error !== null && "code" in error && typeof error.code === "string"
      ? error.code
      : undefined;
  } catch {
    // Work may throw anything, a revoked proxy too; what it threw is to come out, and nothing else.
    return undefined;
  }
}

function stateOf(error: unknown): string | undefined {
  const code = codeOf(error);
  if (code === undefined) return undefined;
  const isOfServer = sqlState.test(code) || (anyState.test(code) && error instanceof Error && "severity" in error);
  return isOfServer ? code : undefined;
}

/** PostgreSQL itself answered COMMIT with this error, or the adapter never sent one: nothing was committed. */
export function meansRolledBack(error: unknown): boolean {
  const code = codeOf(error);
  // By code, because the adapter may come from the other build and so have classes of its own.
  if (code === "TRANSACTION_OWNED" || code === "TRANSACTION_ABORTED" || code === "UNIT_ENDED") return true;
  const state = stateOf(error);
  if (state === undefined) return false;
  if (isRaised(error)) return true;
  return !isOfConnection(state, error) && !maybeAfterwards.test(state) && !isFatal(error);
}

/** The server has answered, and waits for the next statement: the connection is in a state that is known. */
export function isAnswer(error: unknown): boolean {
  const state = stateOf(error);
  return state !== undefined && !isOfConnection(state, error) && !isFatal(error);
}

/** The connection is gone, or no longer to be trusted. */
export function isConnectionError(error: unknown): boolean {
  const code = codeOf(error);
  const state = stateOf(error);
  if (state !== undefined) return isOfConnection(state, error) || isFatal(error);
  if (code !== undefined) return socketError.test(code);
  return error instanceof Error && driverMessage.test(error.message);
}

/** The same work may succeed when it runs again from the start. */
export function isConflict(error: unknown): boolean {
  const code = codeOf(error);
  return code === "40001" || code === "40P01";
}

/** A trigger that reaches elsewhere may raise such a state, too: then PostgreSQL says where in its source, which a pooler cannot. */
function isOfConnection(state: string, error: unknown): boolean {
  if (!connectionState.test(state) || isRaised(error)) return false;
  return !(state.startsWith("08") && routineOf(error) !== undefined);
}

/** By a function or trigger, with a code of its choosing: always an ERROR, and before the commit. */
function isRaised(error: unknown): boolean {
  return routineOf(error) === "exec_stmt_raise";
}

function routineOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("routine" in error)) return undefined;
  return typeof error.routine === "string" ? error.routine : undefined;
}

function isFatal(error: unknown): boolean {
  return (
    typeof error === "object" &&
    error !== null &&
    "severity" in error &&
    (error.severity === "FATAL" || error.severity === "PANIC")
  );
}
