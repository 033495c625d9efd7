import pg from "pg";

// Of the older versions of pg that are supported, Node finds no named exports.
// oxlint-disable-next-line import/no-named-as-default-member -- see above.
export const { Client, Pool, types } = pg;
export type Client = pg.Client;
export type Pool = pg.Pool;
