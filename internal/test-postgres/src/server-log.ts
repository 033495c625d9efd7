interface Search {
  readonly patterns: RegExp[];
  readonly found: PromiseWithResolvers<void>;
}

export interface ServerLog {
  readonly add: (line: string) => void;
  /** Resolves when lines have come that match these patterns, one after the other, from now on. */
  next(...patterns: RegExp[]): Promise<void>;
  /** The latest lines, to tell what a server did instead. */
  tail(): string;
}

/** Reads along with a server's log, for what cannot be asked of a server that is down. */
export function createServerLog(): ServerLog {
  const latest: string[] = [];
  const searches = new Set<Search>();

  return {
    add(line) {
      latest.push(line);
      if (latest.length > 30) latest.shift();
      for (const search of searches) {
        if (search.patterns[0]?.test(line) === true) search.patterns.shift();
        if (search.patterns.length > 0) continue;
        searches.delete(search);
        search.found.resolve();
      }
    },
    next(...patterns) {
      const found = Promise.withResolvers<void>();
      searches.add({ patterns, found });
      return found.promise;
    },
    tail: () => latest.join("\n"),
  };
}
