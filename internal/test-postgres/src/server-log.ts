interface Search {
  readonly patterns: RegExp[];
  readonly found: PromiseWithResolvers<void>;
}

export interface ServerLog {
  readonly add: (line: string) => void;
  /** Resolves when, from now on, lines have come that match these patterns one after the other. */
  next(...patterns: RegExp[]): Promise<void>;
  /** The latest lines, for an error that has to say what the server did instead. */
  tail(): string;
}

/** Watches a server's log, since a server that is down cannot be asked. */
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
