// The composition root: builds the parts from Config and System, feeds the spool into the scheduler,
// owns all lifetimes and the one emitter. Nothing here decides anything.

import { mkdir, statfs } from 'node:fs/promises';
import { TypedEmitter } from 'tiny-typed-emitter';
import type { Config } from '../config/parse.ts';
import { Scheduler } from '../delivery/scheduler.ts';
import { MOST_ADDED_OCTETS } from '../message/trace.ts';
import { serveControl } from '../ops/control.ts';
import type { RelayStatus } from '../ops/status.ts';
import { createAccess } from '../server/access.ts';
import { createDeviceTls } from '../server/certificate.ts';
import { type Listener, listen } from '../server/listener.ts';
import type { MessageStore } from '../server/store.ts';
import { createAuthenticator } from '../server/users.ts';
import { formatMailbox, isSameMailbox, type Mailbox } from '../smtp/address.ts';
import { matcher } from '../smtp/address-patterns.ts';
import { yearsLeft } from '../spool/flash.ts';
import { NewerFormat } from '../spool/segment.ts';
import { cutIntoSegments } from '../spool/space.ts';
import { openSpool, type Spool } from '../spool/spool.ts';
import { calendar } from '../system/calendar.ts';
import type { Clock, WallTime } from '../system/clock.ts';
import { openDisk } from '../system/disk.ts';
import { lockFolder } from '../system/lock.ts';
import { systemNeighbourhood } from '../system/neighbourhood.ts';
import type { Random } from '../system/random.ts';
import { type Capabilities, intersect } from '../upstream/capabilities.ts';
import { Trust } from '../upstream/trust.ts';
import { Upstream } from '../upstream/upstream.ts';
import { BUILT, VERSION } from '../version.ts';
import { formatEndpoint } from '../vocabulary/endpoint.ts';
import type { RelayEvents, Tell } from '../vocabulary/events.ts';
import { NO_OFFERS } from '../vocabulary/offers.ts';
import { operationsOn } from './operations.ts';

export type System = { readonly clock: Clock; readonly random: Random };

/** Why the relay can't start: a sentence for the owner of the board. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart';
}

export interface Relay {
  readonly addresses: readonly string[];
  status(): Promise<RelayStatus>;
  /** Tries all that wait now. */
  runNow(): void;
  stop(): Promise<void>;
}

// How long deliveries that are under way get to end when the relay stops. systemd gives 90 s in all.
const STOP_GRACE = 20_000;

/** Starts a relay; rejects with CannotStart. `listeners` hear of its events from the first one on. */
export async function startRelay(config: Config, system: System, listeners: readonly Partial<RelayEvents>[]): Promise<Relay> {
  const emitter = new TypedEmitter<RelayEvents>();
  for (const listener of listeners) {
    for (const [event, hear] of Object.entries(listener)) emitter.on(event as keyof RelayEvents, hear as RelayEvents[keyof RelayEvents]);
  }
  const tell = tellAll(emitter);
  const undo: (() => Promise<unknown>)[] = [];
  try {
    return await build(config, system, tell, undo);
  } catch (error) {
    for (const one of undo.reverse()) await one();
    throw error;
  }
}

async function build(config: Config, { clock, random }: System, tell: Tell, undo: (() => Promise<unknown>)[]): Promise<Relay> {
  const startedAt = clock.now();
  const unlock = await takeFolder(config.spoolDir, tell);
  undo.push(unlock);
  const spool = await openSpoolIn(config, { clock, random }, tell);
  undo.push(() => spool.close());

  const seen = new Map<string, Capabilities>();
  const trust = new Trust(config.trust);
  const mayNotify = ruleOfNotifications(config);
  const upstreams = config.upstreams.map((target) => {
    const learn = (capabilities: Capabilities) => {
      seen.set(formatEndpoint(target), capabilities);
      spool.learnUpstream(intersect([...seen.values()]));
    };
    return new Upstream(target, { clock, random, hostname: config.hostname, trust, mayNotify, tell, learn });
  });
  const today = calendar(clock, BUILT as WallTime, spool.newest);
  const scheduler = new Scheduler({
    queue: spool,
    carriers: upstreams,
    clock,
    wall: () => today.wall(),
    random,
    tell,
    settings: {
      connections: config.upstreamConnections,
      rate: config.upstreamRate,
      retry: config.retry,
      expireAfter: config.expireAfter,
      warnAfter: config.warnAfter,
      hostname: config.hostname,
      bounceTo: config.bounceTo,
      recipient: config.rewriting.recipient,
      mayNotify,
      sender: config.rewriting.sender,
    },
  });
  spool.feed((stored) => scheduler.offer(stored));

  const learnAnew = atMostEvery(RELEARN_AFTER, clock, () => upstreams.map((upstream) => upstream.probe()));
  const store = storeFor(spool, config.maxMessage, learnAnew);
  const stopping = new AbortController();
  const hurry = atMostEvery(HURRY_AFTER, clock, () => scheduler.hurry());
  const authenticator = createAuthenticator(config.deviceAuth, config.deviceUsers, clock);
  const deviceTls = createDeviceTls({
    folder: config.spoolDir,
    hostname: config.hostname,
    settings: config.deviceTls,
    wall: () => today.wall(),
    fault: (error) => tell('fault', { where: 'certificate for devices', error }),
  });
  const access = createAccess(
    { ...config, defaultDomain: config.rewriting.defaultDomain, isTlsRequired: config.deviceTls.startTls === 'required' },
    {
      store,
      clock,
      neighbourhood: systemNeighbourhood(clock),
      passedOn: () => spool.upstream ?? NO_OFFERS,
      hasTls: () => config.deviceTls.startTls !== 'off' && deviceTls.context() !== undefined,
      auth: authenticator,
    },
  );
  const listener = await listenOrExplain(config, {
    ...access,
    store,
    authenticator,
    tlsContext: () => deviceTls.context(),
    rewriting: config.rewriting,
    runQueue: () => (stopping.signal.aborted || hurry() === 'too-soon' ? 'unable' : spool.count),
    clock: today,
    random,
    tell,
    stop: stopping.signal,
  });
  scheduler.start();
  undo.push(() => listener.close());
  // After the ports listen: signing takes long on a slow board.
  if (config.deviceTls.startTls !== 'off' || config.listen.some(({ tls }) => tls)) void deviceTls.prepare();
  const status = async (): Promise<RelayStatus> => {
    const { flash, running, ...rest } = spool.status();
    const { blocks, bsize } = await statfs(config.spoolDir);
    const years = yearsLeft(flash.total.octets, running, blocks * bsize);
    return {
      version: VERSION,
      hostname: config.hostname,
      listening: listener.addresses,
      upSeconds: Math.round((clock.now() - startedAt) / 1000),
      isHeld: scheduler.isHeld,
      isClockBehind: today.isBehind(),
      sizeLimit: store.sizeLimit,
      upstreams: scheduler.status(),
      spool: rest,
      flash: { today: flash.today, total: flash.total, ...(years === undefined ? {} : { yearsLeft: Math.min(1000, Math.round(years)) }) },
    };
  };
  const control = await serveControl(config.controlSocket, operationsOn(spool, scheduler, status), (error) =>
    tell('fault', { where: `control socket ${config.controlSocket}`, error }),
  );
  undo.push(() => control.close());
  tell('started', {
    hostname: config.hostname,
    listening: listener.addresses,
    upstreams: upstreams.map(({ name }) => name),
    queued: spool.count,
  });

  return {
    addresses: listener.addresses,
    runNow: () => scheduler.runNow(),
    status,
    stop: () => stopInOrder({ stopping, control, listener, scheduler, upstreams, spool, unlock, tell }),
  };
}

async function stopInOrder(parts: {
  stopping: AbortController;
  control: { close(): Promise<void> };
  listener: Listener;
  scheduler: Scheduler;
  upstreams: readonly { close(): Promise<void> }[];
  spool: Spool;
  unlock: () => Promise<void>;
  tell: Tell;
}): Promise<void> {
  parts.stopping.abort();
  await parts.control.close();
  await Promise.all([parts.listener.close(), parts.scheduler.stop(STOP_GRACE)]);
  await Promise.all(parts.upstreams.map((upstream) => upstream.close()));
  await parts.spool.close();
  await parts.unlock();
  parts.tell('stopped');
}

/** Calls each listener in its own try: one that throws must not starve the others, nor the caller. */
function tellAll(emitter: TypedEmitter<RelayEvents>): Tell {
  return (event, ...news) => {
    for (const listener of emitter.listeners(event)) {
      try {
        (listener as (...all: unknown[]) => void)(...news);
      } catch {
        // A listener only tells others; what it can't tell is lost, and the mail goes on.
      }
    }
  };
}

const LOCK_TROUBLE: Readonly<Record<string, string>> = {
  EACCES: 'EACCES: this user may not write there',
  EROFS: 'EROFS: the file system is read-only',
};

// What FAT and its kin say.
const NO_SOCKETS: ReadonlySet<string | undefined> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP']);

async function takeFolder(path: string, tell: Tell): Promise<() => Promise<void>> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new CannotStart(`the spool directory ${path} can't be made: ${(error as Error).message}`);
  }
  const lock = await lockFolder(path).catch((error: NodeJS.ErrnoException) => {
    if (!NO_SOCKETS.has(error.code))
      throw new CannotStart(`the spool directory ${path} can't be used: ${LOCK_TROUBLE[error.code ?? ''] ?? error.message}`);
    tell('fault', { where: `lock of ${path}: this file system takes no sockets, so nothing keeps a second relay out of it`, error });
    return async () => {};
  });
  if (lock === 'taken') throw new CannotStart(`the spool directory ${path} is used by another running relay`);
  return lock;
}

async function openSpoolIn(config: Config, { clock, random }: System, tell: Tell): Promise<Spool> {
  const { size, count } = cutIntoSegments(config.spoolSize);
  try {
    return await openSpool({ disk: await openDisk(config.spoolDir), clock, random, tell, segmentSize: size, segments: count });
  } catch (error) {
    if (error instanceof NewerFormat) throw new CannotStart(`the spool in ${config.spoolDir} can't be read: ${error.message}`);
    throw new CannotStart(`the spool directory ${config.spoolDir} can't be used: ${(error as Error).message}`);
  }
}

async function listenOrExplain(config: Config, parts: Parameters<typeof listen>[1]): Promise<Listener> {
  try {
    return await listen(config, parts);
  } catch (error) {
    throw new CannotStart(describeListenError(error as NodeJS.ErrnoException & { address?: string; port?: number }));
  }
}

function describeListenError(error: NodeJS.ErrnoException & { address?: string; port?: number }): string {
  const where = `${error.address ?? '?'} port ${error.port ?? '?'}`;
  switch (error.code) {
    case 'EACCES':
      return `port ${error.port} is not permitted to this user: with systemd, AmbientCapabilities=CAP_NET_BIND_SERVICE permits it; by hand, "sysctl net.ipv4.ip_unprivileged_port_start=25", or GATEPOST_LISTEN with a port of 1024 or above`;
    case 'EADDRINUSE':
      return `${where} is in use by another program; "ss -ltnp" shows which (Debian's own mail server, perhaps)`;
    case 'EADDRNOTAVAIL':
      return `${error.address} is no address of this board; see GATEPOST_LISTEN`;
    default:
      return `${where}: ${error.message}`;
  }
}

/**
 * Whom the relay may write to of its own accord. A device that may only send to the owner must not get the relay to write
 * to others by naming them as its message's sender.
 */
function ruleOfNotifications({ allowRecipients, bounceTo, rewriting: { sender, recipient } }: Config): (address: Mailbox) => boolean {
  const isAllowed = matcher(allowRecipients);
  const owners = [sender, bounceTo, recipient].filter((one) => one !== undefined);
  return (address) => owners.some((one) => isSameMailbox(one, address)) || (recipient === undefined && isAllowed(formatMailbox(address)));
}

// A device may ask for deliveries (ETRN) this often, and for the upstreams' SIZE to be learned anew, in ms.
const HURRY_AFTER = 60_000;
const RELEARN_AFTER = 5 * 60_000;

/** `work`, done at most once in so many ms however often it is asked for. */
function atMostEvery(milliseconds: number, clock: Pick<Clock, 'now'>, work: () => unknown): () => 'done' | 'too-soon' {
  let last: number | undefined;
  return () => {
    if (last !== undefined && clock.now() - last < milliseconds) return 'too-soon';
    last = clock.now();
    work();
    return 'done';
  };
}

/**
 * What devices may send: the smallest of the configured maximum, the upstreams' SIZE less what this relay adds, and what the
 * spool could ever hold. SIZE is learned at each connection, which is only made for a message: where an old SIZE keeps
 * messages out, a connection is made to learn it anew.
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
