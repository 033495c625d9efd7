/** The result, or a rejection with a `TimeoutError` when it takes longer; the work itself goes on. */
export async function within<Result>(milliseconds: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const tooLate = () => reject(new DOMException(`It took longer than ${milliseconds} ms.`, "TimeoutError"));
    timer = setTimeout(tooLate, milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    // Whoever waited has been told; a rejection after that must not end the process.
    work.catch(() => undefined);
  }
}
