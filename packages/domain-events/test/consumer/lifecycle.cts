import events = require("@acme/domain-events");

type TypedEmitter = import("typed-emitter").default<events.LifecycleEvents>;
type Same<One, Other> = [One, Other] extends [Other, One] ? true : false;

export const sameMethods: Same<keyof events.Lifecycle, keyof TypedEmitter> = true;
export const asTypedEmitter: TypedEmitter = events.createEventBus().lifecycle;
export const fromTypedEmitter: events.Lifecycle = asTypedEmitter;

const { lifecycle } = events.createEventBus();
lifecycle.once("handler:failed", ({ handler, error }) => [handler.length, error]).setMaxListeners(20);
// @ts-expect-error -- no such event.
lifecycle.on("handler:vanished", () => {});
// @ts-expect-error -- no such property.
lifecycle.on("handler:failed", ({ vanished }) => vanished);
// @ts-expect-error -- an argument is missing.
lifecycle.emit("handler:failed");
// @ts-expect-error -- no such method.
lifecycle.vanish();
