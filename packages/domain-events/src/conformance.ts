export {
  type ConformanceOptions,
  type ConformancePart,
  describeTransactionAdapter,
} from "./conformance/describe-transaction-adapter.ts";
export type {
  CallbackStyle,
  ConnectedAdapter,
  ConnectOptions,
  Meddling,
  TestedAdapter,
} from "./conformance/tested-adapter.ts";
