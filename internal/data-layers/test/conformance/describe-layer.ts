import { type ConformanceOptions, describeTransactionAdapter } from "@acme/domain-events/conformance";
import { serverUrl } from "@acme/test-postgres";
import type { Layer } from "../../src/layer.ts";

/** Holds a layer to the published suite. */
export function describeLayer<Tx>(layer: Layer<Tx>, options?: ConformanceOptions): void {
  describeTransactionAdapter({ ...layer, databaseUrl: serverUrl }, options);
}
