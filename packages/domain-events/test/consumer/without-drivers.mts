import { createEventBus, defineEvent } from "@acme/domain-events";
import { createMemoryUnitOfWork } from "@acme/domain-events/testing";

class Opened extends defineEvent("opened") {}

const unitOfWork = createMemoryUnitOfWork({ bus: createEventBus() });
const result: number = await unitOfWork.run(({ record }) => {
  record(new Opened());
  return 1;
});
export { result };
