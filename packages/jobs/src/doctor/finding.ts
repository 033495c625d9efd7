/** Something that is wrong, or will be, and how to mend it. Made by `jobs.admin.doctor()`. */
export interface Finding {
  /** In capitals, for example `NO_WORKER_FOR_TASK`. Does not change between versions. */
  readonly code: string;
  /** `"error"`: a person is needed now. `"warning"`: soon. */
  readonly severity: "error" | "warning";
  /** What is the case, in one sentence with numbers. Contains no payload, password or text of an error. */
  readonly what: string;
  /** Why that matters. */
  readonly why: string;
  /** What to do. */
  readonly mend: string;
  /** The command that shows or mends it. */
  readonly command?: string;
  /** Whether `doctor({ fix: true })` mends it. */
  readonly isFixable: boolean;
  /** Set if this call has mended it. */
  readonly isMended?: true;
}

/** A finding that `fix` leaves alone. */
export function finding(given: Omit<Finding, "isFixable" | "isMended">): Finding {
  return { ...given, isFixable: false };
}
