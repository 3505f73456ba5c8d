// Collects a part's news.

import type { RelayEvents, Tell } from '../../../src/vocabulary/events.ts';

type One = { [E in keyof RelayEvents]: { readonly event: E; readonly news: Parameters<RelayEvents[E]>[0] } }[keyof RelayEvents];

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
