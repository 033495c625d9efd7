/** One step of the tables. */
export interface Migration {
  readonly sql: string;
  /** Versions of this package that do not know the step go on with the tables, so that a deploy can be rolled back. */
  readonly isAdditive: boolean;
}

export const step = (sql: string): Migration => ({ sql, isAdditive: false });
export const additiveStep = (sql: string): Migration => ({ sql, isAdditive: true });
