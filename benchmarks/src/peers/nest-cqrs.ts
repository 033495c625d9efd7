import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { CqrsModule, EventBus, EventsHandler } from "@nestjs/cqrs";

/**
 * Its `publish` cannot be awaited: handlers are started one after the other and end whenever they do. Whoever wants to
 * know when, counts.
 */
export async function nestPublisher<Event extends object>(
  event: Event,
  handlers: readonly ((event: Event) => Promise<void>)[],
): Promise<() => Promise<void>> {
  const eventClass = event.constructor as new () => object;
  let running = 0;
  let done = Promise.withResolvers<void>();
  const providers = handlers.map((handle) => {
    class Handler {
      async handle(happened: Event): Promise<void> {
        await handle(happened);
        running -= 1;
        if (running === 0) done.resolve();
      }
    }
    // What a decorator would do; Node runs no decorators.
    EventsHandler(eventClass)(Handler);
    return Handler;
  });
  const AppModule = class {
    readonly providers = providers;
  };
  Module({ imports: [CqrsModule.forRoot()], providers })(AppModule);
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
  await app.init();
  const bus = app.get(EventBus);

  return () => {
    running = handlers.length;
    done = Promise.withResolvers<void>();
    bus.publish(event);
    return done.promise;
  };
}
