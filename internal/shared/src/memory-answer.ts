/** A unit of work without a database answers every statement with a row that has this, because it stores nothing. */
export const memoryColumn = "in_memory";
