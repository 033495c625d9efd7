/** Statements by which a work would end the transaction, or begin another one. */
export const waysToEnd: readonly string[] = [
  "commit",
  "ROLLBACK",
  "/* done */ end",
  "abort",
  "begin",
  "prepare transaction 'mine'",
  "rollback and chain",
  "select 1; commit",
  "select 1; commit; begin",
  "select 1; rollback",
];
