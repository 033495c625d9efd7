import { prismaLayer } from "../../src/prisma.ts";
import { describeLayer } from "./describe-layer.ts";

describeLayer(prismaLayer);
