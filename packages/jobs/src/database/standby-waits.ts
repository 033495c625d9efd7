import type { ClientBase } from "pg";

/**
 * Lets a transaction write something small, so that its COMMIT waits for the synchronous standbys. The log is one
 * sequence: when this has arrived there, so has all that was committed before. A transaction that only finds rows waits
 * for nobody, and the rows may be of a COMMIT whose wait was ended.
 */
export const writeMarkSql = "select pg_catalog.pg_logical_emit_message(true, 'acme_jobs', '')";

/** For an open transaction: without the warning nobody could know that its wait was ended. */
export const showWarningsSql = "set local client_min_messages = warning";

/** Whether a COMMIT on this server may wait for standbys. */
export const hasStandbysSql = "pg_catalog.current_setting('synchronous_standby_names') <> ''";

/** Committed on this server, and perhaps nowhere else. */
export class StandbyWaitEndedError extends Error {
  override readonly name = "StandbyWaitEndedError";
  /** PostgreSQL's code for a transaction whose outcome is unknown. */
  readonly code = "08007";

  constructor() {
    super(
      "The wait for a synchronous standby was ended. What was committed is on this server, and a failover may lose it.",
    );
  }
}

/**
 * Sends a statement that commits.
 *
 * @throws {@link StandbyWaitEndedError} if the server has committed without waiting for its synchronous standbys.
 */
export async function awaitStandbys<Answer>(client: ClientBase, send: () => Promise<Answer>): Promise<Answer> {
  let isEnded = false;
  const onNotice = ({ routine }: { readonly routine?: string | undefined }) => {
    // The text is translated, and others may raise a warning with the same code.
    if (routine === "SyncRepWaitForLSN") isEnded = true;
  };
  client.on("notice", onNotice);
  try {
    const answer = await send();
    if (isEnded) throw new StandbyWaitEndedError();
    return answer;
  } finally {
    client.removeListener("notice", onNotice);
  }
}
