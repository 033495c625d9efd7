interface Waiting {
  message: string;
  reader: PromiseWithResolvers<void>;
}

interface Mailbox {
  put(message: string): void;
  take(message: string): Promise<void>;
  /** Nothing comes any more: those who wait, and those who will, are told why. */
  close(why: () => Error): void;
}

/** Messages that arrived and readers that wait for one, whichever comes first. */
export function createMailbox(): Mailbox {
  const unread: string[] = [];
  let waiting: Waiting[] = [];
  let closed: (() => Error) | undefined;

  return {
    put(message) {
      const next = waiting.find((candidate) => candidate.message === message);
      if (next === undefined) unread.push(message);
      waiting = waiting.filter((candidate) => candidate !== next);
      next?.reader.resolve();
    },
    async take(message) {
      const position = unread.indexOf(message);
      if (position !== -1) return void unread.splice(position, 1);
      if (closed !== undefined) throw missing(message, closed);
      const reader = Promise.withResolvers<void>();
      waiting.push({ message, reader });
      return reader.promise;
    },
    close(why) {
      closed = why;
      for (const { message, reader } of waiting) reader.reject(missing(message, why));
      waiting = [];
    },
  };
}

function missing(message: string, why: () => Error): Error {
  return new Error(`Waited in vain for the message "${message}".`, { cause: why() });
}
