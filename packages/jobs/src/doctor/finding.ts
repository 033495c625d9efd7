/** Something that is wrong, or soon will be, and what mends it. */
export interface Finding {
  /** For programs, as `NO_WORKER_FOR_TASK`. */
  readonly code: string;
  /** `"error"`: a person is needed now. */
  readonly severity: "error" | "warning";
  /** One sentence, with the numbers. */
  readonly what: string;
  readonly why: string;
  /** What to do. */
  readonly mend: string;
  /** The command of `acme-jobs` that does it. */
  readonly command?: string;
  /** Whether the doctor can mend it by itself, without harm. */
  readonly isFixable: boolean;
}

/** How the doctor looks. */
export interface DoctorOptions {
  /** Mend what can be mended without harm. Default: `false`. */
  readonly fix?: boolean;
}
