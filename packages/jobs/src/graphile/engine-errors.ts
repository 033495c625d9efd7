/**
 * The errors that Graphile Worker gets for failed attempts. It would store the message of a task's own error unchanged.
 * PostgreSQL may refuse that message, and with it the whole batch.
 */
export const attemptFailed = new Error("The attempt failed. Its error is in acme_jobs.failures.");
export const attemptNotStarted = new Error("The worker has ended before the attempt could be started.");
export const takenTooEarly = new Error(
  "The job was taken before the outcome of its last attempt was written. It is put back.",
);

/** If the last error of a job is another one, something else than this package has failed the job. */
export const ownMessages = [attemptFailed, attemptNotStarted, takenTooEarly].map(({ message }) => message);
