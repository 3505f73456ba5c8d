// The composition root: what is made from what, and in which order it is closed. Nothing here decides anything.

import type { Config } from '../config/config.ts';
import { Scheduler } from '../delivery/scheduler.ts';
import { serveControl } from '../ops/control/server.ts';
import { Access } from '../server/access.ts';
import { DeviceTls } from '../server/certificate.ts';
import { Connections } from '../server/connections.ts';
import { type Listener, openListener } from '../server/listener.ts';
import { SizeLimit } from '../server/size-limit.ts';
import { type Authenticator, createAuthenticator } from '../server/users.ts';
import { cutIntoSegments } from '../spool/space.ts';
import { openSpool, type Spool, type SpoolParts } from '../spool/spool.ts';
import { atMostEvery } from '../system/at-most-every.ts';
import { Calendar } from '../system/calendar.ts';
import type { Clock, WallTime } from '../system/clock.ts';
import { openDisk } from '../system/disk.ts';
import { SystemNeighbourhood } from '../system/neighbourhood.ts';
import type { Random } from '../system/random.ts';
import { type Capabilities, intersect } from '../upstream/capabilities.ts';
import type { LearnedHabits } from '../upstream/habits.ts';
import { HabitsFile } from '../upstream/habits-file.ts';
import { Trust } from '../upstream/trust.ts';
import { Upstream } from '../upstream/upstream.ts';
import { BUILT } from '../version.ts';
import { formatEndpoint } from '../vocabulary/endpoint.ts';
import type { RelayEvents, Tell } from '../vocabulary/events.ts';
import { NO_OFFERS } from '../vocabulary/offers.ts';
import type { UpstreamTarget } from '../vocabulary/upstream-target.ts';
import { emitTo } from './events.ts';
import { takeFolder } from './folder.ts';
import { Lifetimes } from './lifetimes.ts';
import { notificationRule } from './notification-rule.ts';
import { operationsOn } from './operations.ts';
import { ownSender } from './own-sender.ts';
import { statusOf } from './status.ts';
import { upstreamTargets } from './tokens.ts';
import { notListening, spoolNotOpened } from './trouble.ts';

/** What of the system a test may replace. */
type System = { readonly clock: Clock; readonly random: Random };

/** A running relay. */
interface Relay {
  /** The addresses that it listens on, each `host:port`. */
  readonly addresses: readonly string[];
  /** Tries all that wait now, over all upstreams. */
  runNow(): void;
  /** Resolves with a sentence when another relay uses the spool, so that this one can't go on and is to be stopped. */
  readonly ousted: Promise<string>;
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
// How often devices may make the queue run (ETRN), in ms.
const HURRY_AFTER = 60_000;

async function build(base: Base, lifetimes: Lifetimes): Promise<Relay> {
  const { config, clock, tell } = base;
  const startedAt = clock.now();
  const lock = await takeFolder(config.spool.dir, tell);
  if (lock !== undefined) lifetimes.push(() => lock.release());
  let lost = (_problem: string) => {};
  const ousted = new Promise<string>((resolve) => {
    lost = resolve;
  });
  const spool = await openSpoolFor(base, { ...(lock === undefined ? {} : { hold: lock }), lost });
  lifetimes.push(() => spool.close());
  const today = new Calendar(clock, BUILT as WallTime, spool.newest);

  const habits = await openHabits(base);
  lifetimes.push(() => habits.close());
  const upstreams = makeUpstreams(base, { spool, file: habits, targets: await upstreamTargets(config, base) });
  lifetimes.push(() => Promise.all(upstreams.map((upstream) => upstream.close())));
  const scheduler = makeScheduler(base, { spool, upstreams, calendar: today });
  spool.feed((stored) => scheduler.offer(stored));

  const sizeLimit = makeSizeLimit(base, spool, upstreams);
  sizeLimit.start();
  const stopping = new AbortController();
  const listener = await makeListener(base, { spool, sizeLimit, scheduler, calendar: today, stop: stopping.signal });
  lifetimes.push(() => {
    stopping.abort();
    return Promise.all([listener.close(), scheduler.stop(STOP_GRACE)]);
  });
  scheduler.start();

  const status = () => statusOf({ config, startedAt, calendar: today, listener, scheduler, sizeLimit, spool, upstreams });
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
    ousted,
    runNow: () => scheduler.runNow(),
    async stop() {
      await lifetimes.close();
      tell('stopped');
    },
  };
}

async function openSpoolFor({ config, clock, random, tell }: Base, owner: Pick<SpoolParts, 'hold' | 'lost'>): Promise<Spool> {
  const { size, count } = cutIntoSegments(config.spool.size);
  try {
    const disk = await openDisk(config.spool.dir);
    return await openSpool({ disk, clock, random, tell, segmentSize: size, segments: count, ...owner });
  } catch (error) {
    throw spoolNotOpened(config.spool.dir, error);
  }
}

async function openHabits({ config, tell }: Base): Promise<HabitsFile> {
  return HabitsFile.open(await openDisk(config.spool.dir), (error) => tell('fault', { where: 'what was learned of the upstreams', error }));
}

type UpstreamNeeds = { readonly spool: Spool; readonly file: HabitsFile; readonly targets: readonly UpstreamTarget[] };

function makeUpstreams({ config, clock, random, tell }: Base, { spool, file, targets }: UpstreamNeeds): readonly Upstream[] {
  const hostname = config.relay.helloName;
  const trust = new Trust(config.upstream.trust);
  const mayNotify = notificationRule(config);
  const seen = new Map<string, Capabilities>();
  return targets.map((target) => {
    const name = formatEndpoint(target);
    const learn = (capabilities: Capabilities) => {
      seen.set(name, capabilities);
      spool.learnUpstream(intersect([...seen.values()]));
    };
    const habits = {
      before: file.of(name),
      running: () => spool.status().running,
      keep: (learned: LearnedHabits) => file.keep(name, learned),
    };
    const own = ownSender(config, [target]);
    return new Upstream(target, { clock, random, hostname, trust, mayNotify, ownSender: own, tell, learn, habits });
  });
}

type SchedulerNeeds = { readonly spool: Spool; readonly upstreams: readonly Upstream[]; readonly calendar: Calendar };

function makeScheduler({ config, clock, random, tell }: Base, needs: SchedulerNeeds): Scheduler {
  return new Scheduler({
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
      sender: ownSender(config, config.upstream.targets),
      recipient: config.rewriting.recipient,
      mayNotify: notificationRule(config),
    },
  });
}

type ListenerNeeds = {
  readonly spool: Spool;
  readonly sizeLimit: SizeLimit;
  readonly scheduler: Scheduler;
  readonly calendar: Calendar;
  readonly stop: AbortSignal;
};

async function makeListener(base: Base, { spool, sizeLimit, scheduler, calendar, stop }: ListenerNeeds): Promise<Listener> {
  const { config, clock, random, tell } = base;
  const { listen, deviceAuth, deviceUsers, deviceTls, maxConnections, maxConnectionsPerDevice } = config.server;
  const authenticator = createAuthenticator(deviceAuth, deviceUsers, clock);
  const tls = makeDeviceTls(base, calendar);
  const hurry = atMostEvery(HURRY_AFTER, clock, () => scheduler.hurry());
  const listener = await openListener(listen, {
    access: makeAccess(base, { spool, sizeLimit, authenticator, tls }),
    connections: new Connections({ maxConnections, maxConnectionsPerDevice }, clock),
    store: spool,
    sizeLimit,
    authenticator,
    tls,
    rewriting: config.rewriting,
    runQueue: () => (stop.aborted || hurry() === 'too-soon' ? 'unable' : spool.count),
    clock: calendar,
    random,
    tell,
    stop,
  }).catch((error: unknown) => {
    throw notListening(error);
  });
  // The certificate is made once the ports listen, since signing takes long on a slow board.
  if (deviceTls.startTls !== 'off' || listen.some((address) => address.tls)) void tls.prepare();
  return listener;
}

function makeDeviceTls({ config, tell }: Base, calendar: Calendar): DeviceTls {
  return new DeviceTls({
    folder: config.spool.dir,
    hostname: config.relay.hostname,
    settings: config.server.deviceTls,
    wall: () => calendar.wall(),
    fault: (error) => tell('fault', { where: 'certificate for devices', error }),
  });
}

type AccessNeeds = {
  readonly spool: Spool;
  readonly sizeLimit: SizeLimit;
  readonly authenticator: Authenticator;
  readonly tls: DeviceTls;
};

function makeAccess({ config, clock }: Base, { spool, sizeLimit, authenticator, tls }: AccessNeeds): Access {
  const { allow, maxRecipients, allowSenders, allowRecipients, deviceRate, deviceTls } = config.server;
  return new Access(
    {
      hostname: config.relay.hostname,
      allow,
      maxRecipients,
      allowSenders,
      allowRecipients,
      upstreams: config.upstream.targets,
      deviceRate,
      rewriting: config.rewriting,
      startTls: deviceTls.startTls,
    },
    {
      store: spool,
      sizeLimit,
      clock,
      neighbourhood: new SystemNeighbourhood(clock),
      passedOn: () => spool.upstream ?? NO_OFFERS,
      tls,
      authenticator,
    },
  );
}

function makeSizeLimit({ config, clock }: Base, spool: Spool, upstreams: readonly Upstream[]): SizeLimit {
  return new SizeLimit({
    maxMessage: config.server.maxMessage,
    largest: spool.largest,
    upstreamSize: () => spool.upstream?.size,
    relearn: () => upstreams.forEach((upstream) => void upstream.probe()),
    clock,
  });
}
