import { drizzleLayer } from "../../src/drizzle.ts";
import { describeLayer } from "./describe-layer.ts";

describeLayer(drizzleLayer);
