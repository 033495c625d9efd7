/** An error that says that nothing has this id. */
export function notFound(what: string, id: string): Error {
  return new Error(`There is no ${what} ${id}. It is done or discarded, or was never there.`);
}
