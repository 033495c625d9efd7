const featureNotSupported = "0A000";

/** Statistics are in unlogged tables, which a standby has, but refuses to read. */
export async function unlessOnStandby<Result>(read: () => Promise<Result>, otherwise: Result): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if ((error as { readonly code?: unknown } | null)?.code === featureNotSupported) return otherwise;
    throw error;
  }
}
