/** The part of a pg client that pipelining needs. An older pg has no `pipeline`. */
export interface PipeliningClient {
  pipeline?: boolean;
  readonly readyForQuery?: boolean;
}

/**
 * Sends two queries, each in a message of its own, without waiting for the answer to the first. Returns `undefined`,
 * and sends nothing, if the driver cannot pipeline, or while anything else is running: a cursor between two reads would
 * get our answers.
 */
export function sendTogether<First, Second>(
  client: PipeliningClient,
  first: () => Promise<First>,
  second: () => PromiseLike<Second>,
): [Promise<First>, Promise<Second>] | undefined {
  if (client.readyForQuery !== true || !canPipeline(client)) return undefined;
  client.pipeline = true;
  const answers: [Promise<First>, Promise<Second>] = [first(), Promise.resolve(second())];
  // This has to be the first reaction to the second answer, so that the next user of the connection finds it as it was.
  const restore = (): void => {
    client.pipeline = false;
  };
  answers[1].then(restore, restore);
  return answers;
}

/** Call it before a connection with pending answers is closed: with pipelining on, pg would wait for them first. */
export function expectNoAnswers(client: PipeliningClient): void {
  if (client.pipeline === true) client.pipeline = false;
}

/** Only if it is a plain property and off. If a later pg changes that, awaiting the first answer is always correct. */
function canPipeline(client: PipeliningClient): boolean {
  const { value, writable } = Object.getOwnPropertyDescriptor(client, "pipeline") ?? {};
  return value === false && writable === true;
}
