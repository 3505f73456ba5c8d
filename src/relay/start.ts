// The composition root: what is made from what, and in which order it is closed. Nothing here decides anything.

import type { Config } from '../config/config.ts';
import { createScheduler, type Scheduler } from '../delivery/scheduler.ts';
import { MOST_ADDED_OCTETS } from '../message/trace.ts';
import { serveControl } from '../ops/control/server.ts';
import { type Access, createAccess } from '../server/access.ts';
import { createDeviceTls, type DeviceTls } from '../server/certificate.ts';
import { type Listener, listen } from '../server/listener.ts';
import type { MessageStore } from '../server/store.ts';
import { type Authenticator, createAuthenticator } from '../server/users.ts';
import { cutIntoSegments } from '../spool/space.ts';
import { openSpool, type Spool } from '../spool/spool.ts';
import { atMostEvery } from '../system/at-most-every.ts';
import { Calendar } from '../system/calendar.ts';
import type { Clock, WallTime } from '../system/clock.ts';
import { openDisk } from '../system/disk.ts';
import { SystemNeighbourhood } from '../system/neighbourhood.ts';
import type { Random } from '../system/random.ts';
import type { Capabilities } from '../upstream/capabilities.ts';
import { createTrust } from '../upstream/trust.ts';
import { createUpstream, type Upstream } from '../upstream/upstream.ts';
import { BUILT } from '../version.ts';
import { formatEndpoint } from '../vocabulary/endpoint.ts';
import type { RelayEvents, Tell } from '../vocabulary/events.ts';
import { NO_OFFERS, type Offers } from '../vocabulary/offers.ts';
import { emitTo } from './events.ts';
import { takeFolder } from './folder.ts';
import { Lifetimes } from './lifetimes.ts';
import { notificationRule } from './notification-rule.ts';
import { operationsOn } from './operations.ts';
import { statusOf } from './status.ts';
import { notListening, spoolNotOpened } from './trouble.ts';

/** What of the system a test may replace. */
type System = { readonly clock: Clock; readonly random: Random };

/** A running relay. */
interface Relay {
  /** The addresses that it listens on, each `host:port`. */
  readonly addresses: readonly string[];
  /** Tries all that wait now, over all upstreams. */
  runNow(): void;
  /** Stops in order; resolves when everything is closed. */
  stop(): Promise<void>;
}

/** What every part may need. */
type Base = System & { readonly config: Config; readonly tell: Tell };

/** Starts a relay; rejects with CannotStart. `listeners` get its events from the first one on. */
export async function startRelay(config: Config, system: System, listeners: readonly Partial<RelayEvents>[]): Promise<Relay> {
  const base: Base = { config, clock: system.clock, random: system.random, tell: emitTo(listeners) };
  const lifetimes = new Lifetimes();
  try {
    return await build(base, lifetimes);
  } catch (error) {
    await lifetimes.close().catch(() => {}); // why the start failed says more
    throw error;
  }
}

// How long deliveries that are under way may go on when the relay stops, in ms. systemd gives 90 s in all.
const STOP_GRACE = 20_000;
// How often devices may make the queue run (ETRN) and the upstreams' SIZE be learned again, in ms.
const HURRY_AFTER = 60_000;
const RELEARN_AFTER = 5 * 60_000;

async function build(base: Base, lifetimes: Lifetimes): Promise<Relay> {
  const { config, clock, tell } = base;
  const startedAt = clock.now();
  lifetimes.push(await takeFolder(config.spool.dir, tell));
  const spool = await openSpoolFor(base);
  lifetimes.push(() => spool.close());
  const today = new Calendar(clock, BUILT as WallTime, spool.newest);

  const upstreams = makeUpstreams(base, spool);
  lifetimes.push(() => Promise.all(upstreams.map((upstream) => upstream.close())));
  const scheduler = makeScheduler(base, { spool, upstreams, calendar: today });
  spool.feed((stored) => scheduler.offer(stored));

  const learnAnew = atMostEvery(RELEARN_AFTER, clock, () => upstreams.map((upstream) => upstream.probe()));
  const store = storeFor(spool, config.server.maxMessage, learnAnew);
  const stopping = new AbortController();
  const listener = await makeListener(base, { spool, store, scheduler, calendar: today, stop: stopping.signal });
  lifetimes.push(() => {
    stopping.abort();
    return Promise.all([listener.close(), scheduler.stop(STOP_GRACE)]);
  });
  scheduler.start();

  const status = () => statusOf({ config, startedAt, calendar: today, listener, scheduler, store, spool });
  const { controlSocket } = config.relay;
  const control = await serveControl(controlSocket, operationsOn({ spool, scheduler, status }), (error) =>
    tell('fault', { where: `control socket ${controlSocket}`, error }),
  );
  lifetimes.push(() => control.close());

  const { addresses } = listener;
  tell('started', {
    hostname: config.relay.hostname,
    listening: addresses,
    upstreams: upstreams.map(({ name }) => name),
    queued: spool.count,
  });
  return {
    addresses,
    runNow: () => scheduler.runNow(),
    async stop() {
      await lifetimes.close();
      tell('stopped');
    },
  };
}

async function openSpoolFor({ config, clock, random, tell }: Base): Promise<Spool> {
  const { size, count } = cutIntoSegments(config.spool.size);
  try {
    return await openSpool({ disk: await openDisk(config.spool.dir), clock, random, tell, segmentSize: size, segments: count });
  } catch (error) {
    throw spoolNotOpened(config.spool.dir, error);
  }
}

function makeUpstreams({ config, clock, random, tell }: Base, spool: Spool): readonly Upstream[] {
  const { hostname } = config.relay;
  const trust = createTrust(config.upstream.trust);
  const mayBeTold = notificationRule(config);
  const seen = new Map<string, Capabilities>();
  return config.upstream.targets.map((target) => {
    const learn = (capabilities: Capabilities) => {
      seen.set(formatEndpoint(target), capabilities);
      spool.learnUpstream(commonFacts([...seen.values()]));
    };
    return createUpstream(target, { clock, random, hostname, trust, mayBeTold, tell, learn });
  });
}

type SchedulerNeeds = { readonly spool: Spool; readonly upstreams: readonly Upstream[]; readonly calendar: Calendar };

function makeScheduler({ config, clock, random, tell }: Base, needs: SchedulerNeeds): Scheduler {
  return createScheduler({
    queue: needs.spool,
    carriers: needs.upstreams,
    clock,
    wall: () => needs.calendar.wall(),
    random,
    tell,
    settings: {
      ...config.delivery,
      connections: config.upstream.connections,
      rate: config.upstream.rate,
      hostname: config.relay.hostname,
      sender: config.rewriting.sender,
      recipient: config.rewriting.recipient,
      mayBeTold: notificationRule(config),
    },
  });
}

type ListenerNeeds = {
  readonly spool: Spool;
  readonly store: MessageStore;
  readonly scheduler: Scheduler;
  readonly calendar: Calendar;
  readonly stop: AbortSignal;
};

async function makeListener(base: Base, { spool, store, scheduler, calendar: today, stop }: ListenerNeeds): Promise<Listener> {
  const { config, clock, random, tell } = base;
  const authenticator = createAuthenticator(config.server.deviceAuth, config.server.deviceUsers, clock);
  const deviceTls = makeDeviceTls(base, today);
  const access = makeAccess(base, { spool, store, authenticator, deviceTls });
  const hurry = atMostEvery(HURRY_AFTER, clock, () => scheduler.hurry());
  const listener = await listen(config.server, {
    refuseAddress: (address) => access.refuseAddress(address),
    policyFor: (device) => access.policyFor(device),
    store,
    authenticator,
    tlsContext: () => deviceTls.context(),
    rewriting: config.rewriting,
    runQueue: () => (stop.aborted || hurry() === 'too-soon' ? 'unable' : spool.count),
    clock: today,
    random,
    tell,
    stop,
  }).catch((error: unknown) => {
    throw notListening(error);
  });
  // The certificate is made once the ports listen, since signing takes long on a slow board.
  if (config.server.deviceTls.startTls !== 'off' || config.server.listen.some(({ tls }) => tls)) void deviceTls.prepare();
  return listener;
}

function makeDeviceTls({ config, tell }: Base, today: Calendar): DeviceTls {
  return createDeviceTls({
    folder: config.spool.dir,
    hostname: config.relay.hostname,
    settings: config.server.deviceTls,
    wall: () => today.wall(),
    fault: (error) => tell('fault', { where: 'certificate for devices', error }),
  });
}

type AccessNeeds = {
  readonly spool: Spool;
  readonly store: MessageStore;
  readonly authenticator: Authenticator;
  readonly deviceTls: DeviceTls;
};

function makeAccess({ config, clock }: Base, { spool, store, authenticator, deviceTls }: AccessNeeds): Access {
  const { startTls } = config.server.deviceTls;
  return createAccess(
    {
      ...config.server,
      hostname: config.relay.hostname,
      defaultDomain: config.rewriting.defaultDomain,
      isTlsRequired: startTls === 'required',
    },
    {
      store,
      clock,
      neighbourhood: new SystemNeighbourhood(clock),
      passedOn: () => spool.upstream ?? NO_OFFERS,
      hasTls: () => startTls !== 'off' && deviceTls.context() !== undefined,
      auth: authenticator,
    },
  );
}

/**
 * What devices may send: the smallest of the configured maximum, the upstreams' SIZE less what this relay adds, and
 * what the spool could ever hold. SIZE is learned at each connection, which is only made for a message: where an old
 * SIZE keeps messages out, a connection is made to learn it anew.
 */
function storeFor(spool: Spool, maxMessage: number, learnAnew: () => unknown): MessageStore {
  const ownLimit = Math.max(0, Math.min(maxMessage, spool.largest - MOST_ADDED_OCTETS));
  const upstreamLimit = () => (spool.upstream?.size ?? Number.POSITIVE_INFINITY) - MOST_ADDED_OCTETS;
  if (upstreamLimit() < ownLimit) learnAnew(); // what it was at the last start
  return {
    instance: spool.instance,
    get sizeLimit() {
      return Math.max(0, Math.min(ownLimit, upstreamLimit()));
    },
    tooLarge(octets) {
      if (octets <= ownLimit) learnAnew();
    },
    room: (octets) => spool.room(octets),
    draft: (declared, device) => spool.draft(declared, device),
  };
}

/** What may be promised to devices: what every upstream seen so far takes. */
function commonFacts(seen: readonly Capabilities[]): Offers {
  const size = Math.min(...seen.map(({ sizeLimit }) => sizeLimit ?? Number.POSITIVE_INFINITY));
  return {
    ...(Number.isFinite(size) ? { size } : {}),
    smtpUtf8: seen.every((one) => one.smtpUtf8),
    binaryMime: seen.every((one) => one.binaryMime && one.chunking),
  };
}
