/** The schema in which the statements of this package expect Graphile Worker's tables. */
export const graphileSchema = "graphile_worker";
