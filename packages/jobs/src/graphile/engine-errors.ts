/**
 * All that Graphile Worker is told of a failed attempt: it would store the message of any error as it is, which PostgreSQL may refuse, and with it the whole
 * batch.
 */
export const attemptFailed = new Error("The attempt failed. Its error is in acme_jobs.failures.");
export const attemptNotStarted = new Error("The worker has ended before the attempt could be started.");
export const takenTooEarly = new Error(
  "The job was taken before the outcome of its last attempt was written. It is put back.",
);

/** A job that has another one was failed by somebody else. */
export const ownMessages = [attemptFailed, attemptNotStarted, takenTooEarly].map(({ message }) => message);
