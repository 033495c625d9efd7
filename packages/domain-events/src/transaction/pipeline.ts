/** The part of a pg client that matters for sending ahead; one of an older pg has no `pipeline`. */
export interface PipeliningClient {
  pipeline?: boolean;
  readonly readyForQuery?: boolean;
}

/**
 * Sends two queries, each a message of its own, without waiting for the first one's answer. `undefined`, and nothing is sent, where the
 * driver cannot, or while anything else is on its way: a cursor between two reads would get our answers.
 */
export function sendTogether<First, Second>(
  client: PipeliningClient,
  first: () => Promise<First>,
  second: () => PromiseLike<Second>,
): [Promise<First>, Promise<Second>] | undefined {
  if (client.readyForQuery !== true || !canPipeline(client)) return undefined;
  client.pipeline = true;
  const answers: [Promise<First>, Promise<Second>] = [first(), Promise.resolve(second())];
  // The first reaction to the second answer, so that whoever gets the connection next finds it as it was.
  const restore = (): void => {
    client.pipeline = false;
  };
  answers[1].then(restore, restore);
  return answers;
}

/** Before a connection is closed on which answers are due: with pipelining on, pg would wait for them first. */
export function expectNoAnswers(client: PipeliningClient): void {
  if (client.pipeline === true) client.pipeline = false;
}

/** Off, and a plain property: should pg come to check who sets it and when, waiting is always right. */
function canPipeline(client: PipeliningClient): boolean {
  const { value, writable } = Object.getOwnPropertyDescriptor(client, "pipeline") ?? {};
  return value === false && writable === true;
}
