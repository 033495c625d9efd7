// What the task and the workers of the model are told.

export const attemptsAllowed = 4;
/** Longer than Graphile Worker's own 2.7 s, which must not show through. */
export const retryDelayMs = 3_500;
export const retryAfterMs = 5_000;
export const heartbeatMs = 50;
export const deadAfterMs = 600;
