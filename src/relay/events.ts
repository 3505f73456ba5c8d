// The relay's one emitter: the parts report events through the function `tell`, and listeners such as the log get them.

import { TypedEmitter } from 'tiny-typed-emitter';
import type { RelayEvents, Tell } from '../vocabulary/events.ts';

/**
 * A function that emits an event to these listeners, in their order and before it returns. A listener that throws keeps
 * the event neither from the others nor from the caller.
 */
export function emitTo(listeners: readonly Partial<RelayEvents>[]): Tell {
  const emitter = new TypedEmitter<RelayEvents>();
  for (const listener of listeners) {
    for (const event of Object.keys(listener) as (keyof RelayEvents)[]) {
      const method = listener[event];
      if (method !== undefined) emitter.on(event, withoutErrors(method));
    }
  }
  return (event, ...given) => void emitter.emit(event, ...given);
}

/** The same listener, but what it throws is lost: it only reports, and the mail goes on without the report. */
function withoutErrors<F extends (...given: never[]) => void>(listener: F): F {
  return new Proxy(listener, {
    apply(target, self, given) {
      try {
        Reflect.apply(target, self, given);
      } catch {
        // Nobody is left to report it to.
      }
    },
  });
}
