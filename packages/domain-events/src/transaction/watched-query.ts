import { AsyncResource } from "node:async_hooks";
import type { EventEmitter } from "node:events";
import { listeningFromCaller } from "./caller-listeners.ts";
import { isPromiseLike } from "@acme/shared/promise-like";
import type { TransactionWatch } from "./transaction-adapter.ts";

type Callback = (error: unknown, result?: unknown) => unknown;

/** The methods that pg calls on a query object of the caller (a cursor, a stream, a COPY) while it runs. */
const protocolHandlers = [
  "handleRowDescription",
  "handleDataRow",
  "handlePortalSuspended",
  "handleEmptyQuery",
  "handleCommandComplete",
  "handleParseComplete",
  "handleBindComplete",
  "handleNoData",
  "handleCopyInResponse",
  "handleCopyData",
  "handleReadyForQuery",
  "handleError",
] as const;

/**
 * Sends a query of the work on a pg client, in any of the styles that pg has. The watch is told. What pg calls back
 * later runs in the asynchronous context of the code that sent the query; otherwise it would run in the context of the
 * socket, outside of the unit.
 */
export function watchedQuery(send: (...args: unknown[]) => unknown, args: unknown[], watch: TransactionWatch): unknown {
  const [statement] = args;
  if (isObject(statement) && typeof statement["submit"] === "function") {
    try {
      watch.sending(textOf(statement));
    } catch (error) {
      return refused(statement, error);
    }
    bindHandlers(statement, watch);
    bindListeners(statement);
    return send(...args.map((arg) => (typeof arg === "function" ? bound(arg as Callback) : arg)));
  }
  const callback = callbackOf(args);
  try {
    watch.sending(textOf(statement));
  } catch (error) {
    if (!callback) return Promise.reject(error);
    process.nextTick(callback, error);
    return undefined;
  }
  if (callback) return send(...withCallback(args, observing(bound(callback), watch, textOf(statement))));
  const answer = send(...args);
  // The application may have given its driver another implementation of promises.
  return isPromiseLike(answer) ? observed(answer, watch, textOf(statement)) : answer;
}

/**
 * Reports the error as pg does for a query that it cannot send. If the error were thrown, knex would swallow it, and
 * its stream would never end.
 */
function refused(query: Record<string, unknown>, error: unknown): unknown {
  const { handleError } = query;
  if (typeof handleError !== "function") throw error;
  process.nextTick(() => Reflect.apply(handleError, query, [error]));
  return query;
}

function observed(
  answer: PromiseLike<unknown>,
  watch: TransactionWatch,
  text: string | undefined,
): PromiseLike<unknown> {
  return answer.then(
    (result) => {
      watch.answered(result, text);
      return result;
    },
    (error: unknown) => {
      watch.failed(error, text);
      throw error;
    },
  );
}

function observing(callback: Callback, watch: TransactionWatch, text: string | undefined): Callback {
  return (error, result) => {
    if (error) watch.failed(error, text);
    else watch.answered(result, text);
    return callback(error, result);
  };
}

function bindHandlers(query: Record<string, unknown>, watch: TransactionWatch): void {
  const results: { readonly command: unknown }[] = [];
  for (const name of protocolHandlers) {
    const handler = query[name];
    if (typeof handler !== "function") continue;
    const inContext = bound(handler.bind(query) as Callback);
    query[name] = (message: unknown, connection: unknown) => {
      if (name === "handleError") watch.failed(message, textOf(query));
      if (name === "handleCommandComplete") results.push({ command: tagOf(message) });
      // All statements of the text are answered now.
      if (name === "handleReadyForQuery") watch.answered(results.splice(0), textOf(query));
      return inContext(message, connection);
    };
  }
}

/** Some query objects listen to the connection itself: a cursor learns in this way that it has been closed. */
function bindListeners(query: Record<string, unknown>): void {
  const submit = query["submit"] as (connection: EventEmitter) => unknown;
  query["submit"] = (connection: EventEmitter) => Reflect.apply(submit, query, [listeningFromCaller(connection)]);
}

/** Does what `AsyncResource.bind()` does, which would take longer than everything else here. */
function bound(called: Callback): Callback {
  const caller = new AsyncResource("domain-events.query");
  return (error, result) => caller.runInAsyncScope(called, undefined, error, result);
}

function callbackOf(args: readonly unknown[]): Callback | undefined {
  const [statement, ...rest] = args;
  const callback =
    rest.find((arg) => typeof arg === "function") ?? (isObject(statement) ? statement["callback"] : undefined);
  return typeof callback === "function" ? (callback as Callback) : undefined;
}

function withCallback([statement, ...rest]: unknown[], callback: Callback): unknown[] {
  const position = rest.findIndex((arg) => typeof arg === "function");
  if (position !== -1) return [statement, ...rest.with(position, callback)];
  return [Object.assign(Object.create(Object.getPrototypeOf(statement) as object), statement, { callback }), ...rest];
}

/** A query stream has its text in its cursor. */
function textOf(statement: unknown): string | undefined {
  if (typeof statement === "string") return statement;
  if (!isObject(statement)) return undefined;
  const text = statement["text"] ?? (isObject(statement["cursor"]) ? statement["cursor"]["text"] : undefined);
  return typeof text === "string" ? text : undefined;
}

function tagOf(message: unknown): unknown {
  const text = isObject(message) ? message["text"] : undefined;
  return typeof text === "string" ? text.split(" ", 1)[0] : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
