import { createEventBus, type Lifecycle, type LifecycleEvents } from "@acme/domain-events";

type TypedEmitter = import("typed-emitter").default<LifecycleEvents>;
type Same<One, Other> = [One, Other] extends [Other, One] ? true : false;

export const sameMethods: Same<keyof Lifecycle, keyof TypedEmitter> = true;
export const asTypedEmitter: TypedEmitter = createEventBus().lifecycle;
export const fromTypedEmitter: Lifecycle = asTypedEmitter;

const { lifecycle } = createEventBus();
lifecycle.once("handler:failed", ({ handler, error }) => [handler.length, error]).setMaxListeners(20);
// @ts-expect-error -- no such event.
lifecycle.on("handler:vanished", () => {});
// @ts-expect-error -- no such property.
lifecycle.on("handler:failed", ({ vanished }) => vanished);
// @ts-expect-error -- an argument is missing.
lifecycle.emit("handler:failed");
// @ts-expect-error -- no such method.
lifecycle.vanish();
