// Collects the events of a part.

import type { RelayEvents, Tell } from '../../../src/vocabulary/events.ts';

type One = { [E in keyof RelayEvents]: { readonly event: E; readonly news: Parameters<RelayEvents[E]>[0] } }[keyof RelayEvents];

/** `tell` collects each event; `all` are those so far, `of` those of one name. */
export function collectNews(): {
  readonly tell: Tell;
  readonly all: One[];
  of<E extends keyof RelayEvents>(event: E): Parameters<RelayEvents[E]>[0][];
} {
  const all: One[] = [];
  return {
    all,
    tell: (event, ...news) => void all.push({ event, news: news[0] } as One),
    of: (event) => all.filter((one) => one.event === event).map(({ news }) => news) as never,
  };
}
