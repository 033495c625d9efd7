interface Waiting {
  message: string;
  reader: PromiseWithResolvers<void>;
}

interface Mailbox {
  put(message: string): void;
  take(message: string): Promise<void>;
  /** No message comes any more: waiting and later calls of `take` reject with the reason. */
  close(why: () => Error): void;
}

/** Matches messages with readers that wait for them, in whichever order they come. */
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
