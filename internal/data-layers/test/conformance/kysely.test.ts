import { kyselyLayer } from "../../src/kysely.ts";
import { describeLayer } from "./describe-layer.ts";

describeLayer(kyselyLayer);
