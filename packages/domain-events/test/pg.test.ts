import { describeTransactionAdapter } from "./conformance/describe-transaction-adapter.ts";
import { pgDriver } from "./conformance/drivers.ts";

describeTransactionAdapter(pgDriver);
