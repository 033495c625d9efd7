import { describeTransactionAdapter } from "./conformance/describe-transaction-adapter.ts";
import { knexDriver } from "./conformance/drivers.ts";

describeTransactionAdapter(knexDriver);
