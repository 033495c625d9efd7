import { typeormLayer } from "../../src/typeorm.ts";
import { describeLayer } from "./describe-layer.ts";

describeLayer(typeormLayer);
