/**
 * Whether something was written that long ago. A time that has not come yet was written by a server whose clock was ahead, before
 * a failover or before its clock was set: nobody knows how long ago, and waiting for that time could take for ever.
 *
 * @param age - As an interval of SQL.
 */
export const isAgedSql = (time: string, age: string) =>
  `(${time} < clock_timestamp() - ${age} or ${time} > clock_timestamp() + interval '1 minute')`;
