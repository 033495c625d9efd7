import { mikroOrmLayer } from "../../src/mikro-orm.ts";
import { describeLayer } from "./describe-layer.ts";

describeLayer(mikroOrmLayer);
