import { drizzleLayer } from "../src/drizzle.ts";
import { kyselyLayer } from "../src/kysely.ts";
import { mikroOrmLayer } from "../src/mikro-orm.ts";
import { prismaLayer } from "../src/prisma.ts";
import { typeormLayer } from "../src/typeorm.ts";
import { describeLayer } from "./conformance/describe-layer.ts";

// The part that depends on how a layer wraps errors. `npm run data-layers:check` runs all of it.
const parts = { parts: ["retries"] } as const;

describeLayer(drizzleLayer, parts);
describeLayer(kyselyLayer, parts);
describeLayer(typeormLayer, parts);
describeLayer(mikroOrmLayer, parts);
describeLayer(prismaLayer, parts);
