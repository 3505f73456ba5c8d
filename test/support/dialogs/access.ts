// What the sessions of tests are made with: everything is allowed, and nothing is asked for, unless a test says otherwise.

import type { SecureContext } from 'node:tls';
import { Access, type AccessSettings } from '../../../src/server/access.ts';
import { type ConnectionLimits, Connections } from '../../../src/server/connections.ts';
import type { SessionParts } from '../../../src/server/session.ts';
import { SizeLimit } from '../../../src/server/size-limit.ts';
import type { TlsContexts } from '../../../src/server/tls.ts';
import { createAuthenticator } from '../../../src/server/users.ts';
import type { Neighbourhood } from '../../../src/system/neighbourhood.ts';
import { NO_OFFERS, type Offers } from '../../../src/vocabulary/offers.ts';
import type { Rewriting } from '../../../src/vocabulary/rewriting.ts';
import { configOf } from '../config.ts';
import { fakeClock } from '../fakes/clock.ts';
import { collectNews } from '../fakes/news.ts';
import { seededRandom } from '../fakes/random.ts';
import { memoryStore } from '../fakes/store.ts';

export const NO_REWRITING: Rewriting = { sender: undefined, recipient: undefined, defaultDomain: undefined };

/** The defaults of the variables, but no network may connect unless a test names it. */
const ACCESS: AccessSettings = {
  ...configOf().server,
  hostname: 'gate.example',
  allow: { networks: [], lan: false, gateway: false },
  rewriting: NO_REWRITING,
  upstreams: [{}],
  startTls: 'off',
};

/** A board whose own networks and routers are these addresses. */
export const neighbourhood = (onLink: readonly string[] = [], gateways: readonly string[] = []): Neighbourhood => ({
  isOnLink: (address) => onLink.includes(address),
  isGateway: (address) => gateways.includes(address),
});

/** A certificate that is there, or is not. */
export const tlsWith = (context: SecureContext | undefined): TlsContexts => ({ context, prepare: async () => {} });

/** A limit of just so many octets. */
export function sizeLimitOf(octets: number): SizeLimit {
  const largest = Number.POSITIVE_INFINITY;
  return new SizeLimit({ maxMessage: octets, largest, upstreamSize: () => undefined, relearn: () => {}, clock: fakeClock() });
}

export type SessionOptions = Partial<Omit<SessionParts, 'access' | 'connections'>> & {
  readonly settings?: Partial<AccessSettings>;
  readonly limits?: Partial<ConnectionLimits>;
  readonly near?: Neighbourhood;
  readonly passedOn?: Offers;
};

/** All that sessions share, with what a test wants to be otherwise. */
export function sessionParts({ settings, limits, near, passedOn, ...own }: SessionOptions = {}): SessionParts {
  const clock = own.clock ?? fakeClock();
  const store = own.store ?? memoryStore();
  const sizeLimit = own.sizeLimit ?? sizeLimitOf(1_000_000);
  const authenticator = own.authenticator ?? createAuthenticator('off', [], clock);
  const tls = own.tls ?? tlsWith(undefined);
  return {
    access: new Access(
      { ...ACCESS, rewriting: own.rewriting ?? NO_REWRITING, ...settings },
      { store, sizeLimit, clock, neighbourhood: near ?? neighbourhood(), passedOn: () => passedOn ?? NO_OFFERS, tls, authenticator },
    ),
    connections: new Connections({ maxConnections: 5, maxConnectionsPerDevice: 3, ...limits }, clock),
    store,
    sizeLimit,
    authenticator,
    tls,
    rewriting: own.rewriting ?? NO_REWRITING,
    runQueue: own.runQueue ?? (() => 0),
    clock,
    random: own.random ?? seededRandom(1),
    tell: own.tell ?? collectNews().tell,
    stop: own.stop ?? new AbortController().signal,
  };
}
