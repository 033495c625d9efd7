/** An error of PostgreSQL has a SQLSTATE of five characters. `EPIPE` of Node has five letters, but is no SQLSTATE. */
const sqlState = /^(?:[0-9][0-9A-Z]|F0|HV|P0|XX)[0-9A-Z]{3}$/;
/**
 * A trigger or function of the application may raise any such code. Errors of Node may match it, but have no severity.
 */
const anyState = /^[0-9A-Z]{5}$/;
const connectionState = /^(?:08|57P0|40003)/;
// The server may answer COMMIT with these although the commit is on disk already: it goes down because of them, or it
// obeys a cancel or a time limit only after it has committed. The severity does not help, since it is translated.
const maybeAfterwards = /^(?:25P0[34]|53|57|58|XX)/;
const socketError = /^(?:E(?:CONN|PIPE|TIMEDOUT|NOTFOUND|HOSTUNREACH|NETUNREACH|AI_AGAIN)|ERR_SOCKET|ERR_STREAM)/;
// Matched at the end of the message, because knex puts the statement in front.
const driverMessage =
  /(?:connection terminated(?: unexpectedly| due to connection timeout)?|query read timeout|is not queryable|connection timeout|timeout expired)$/i;

const conflictStates: ReadonlySet<string | undefined> = new Set(["40001", "40P01"]);
const abortedStates: ReadonlySet<string | undefined> = new Set(["25P02"]);
const mostCauses = 8;

export function codeOf(error: unknown): string | undefined {
  try {
    return typeof error === "object" && error !== null && "code" in error && typeof error.code === "string"
      ? error.code
      : undefined;
  } catch {
    // The work may throw anything, even a revoked proxy. The caller has to get that, not an error from reading it.
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
  // Compared by code: the adapter may come from the other build (ESM or CJS) and have classes of its own.
  if (code === "TRANSACTION_OWNED" || code === "TRANSACTION_ABORTED" || code === "UNIT_ENDED") return true;
  const state = stateOf(error);
  if (state === undefined) return false;
  if (isRaised(error)) return true;
  return !isOfConnection(state, error) && !maybeAfterwards.test(state) && !isFatal(error);
}

/**
 * The error is an answer of the server, which now waits for the next statement, so the connection can still be used.
 */
export function isAnswer(error: unknown): boolean {
  const state = stateOf(error);
  return state !== undefined && !isOfConnection(state, error) && !isFatal(error);
}

/** The connection is lost, or can no longer be trusted. */
export function isConnectionError(error: unknown): boolean {
  const code = codeOf(error);
  const state = stateOf(error);
  if (state !== undefined) return isOfConnection(state, error) || isFatal(error);
  if (code !== undefined) return socketError.test(code);
  return error instanceof Error && driverMessage.test(error.message);
}

/** The same work may succeed if it runs again from the start, however a data layer has wrapped the server's answer. */
export function isConflict(error: unknown): boolean {
  return hasCode(error, conflictStates);
}

/** An earlier statement of the transaction has failed, and this one was refused for it. */
export function isInAborted(error: unknown): boolean {
  return hasCode(error, abortedStates);
}

/** Looks through the causes, too: a data layer may put the server's error into one of its own. */
function hasCode(error: unknown, codes: ReadonlySet<string | undefined>): boolean {
  let looked = error;
  // Causes may form a circle.
  for (let depth = 0; depth < mostCauses; depth += 1) {
    if (codes.has(codeOf(looked))) return true;
    looked = causeOf(looked);
  }
  return false;
}

function causeOf(error: unknown): unknown {
  try {
    return typeof error === "object" && error !== null && "cause" in error ? error.cause : undefined;
  } catch {
    return undefined;
  }
}

/** The session is one of a standby, or began while the database was read-only, and stays so. */
export function mayOnlyRead(error: unknown): boolean {
  return codeOf(error) === "25006";
}

/**
 * A trigger that connects to another server may raise such a state, too. Then PostgreSQL names the routine in its
 * source, which a pooler does not.
 */
function isOfConnection(state: string, error: unknown): boolean {
  if (!connectionState.test(state) || isRaised(error)) return false;
  return !(state.startsWith("08") && routineOf(error) !== undefined);
}

/** A function or trigger raised the error, with a code of its choice. It is always an ERROR, and before the commit. */
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
