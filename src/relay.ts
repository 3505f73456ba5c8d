// The composition root: builds the parts from Config and System, feeds the spool into the scheduler,
// owns all lifetimes and the one emitter. Nothing here decides anything.

import { mkdir } from 'node:fs/promises';
import { TypedEmitter } from 'tiny-typed-emitter';
import type { Config } from './config/parse.ts';
import { createScheduler, type Scheduler } from './delivery/scheduler.ts';
import type { RelayEvents, Tell } from './events.ts';
import { MOST_ADDED_OCTETS } from './message/trace.ts';
import { type Listener, listen } from './server/listener.ts';
import { createPolicy } from './server/policy.ts';
import type { MessageStore } from './server/store.ts';
import { NewerFormat } from './spool/segment.ts';
import { cutIntoSegments } from './spool/space.ts';
import { openSpool, type Spool } from './spool/spool.ts';
import type { Clock } from './system/clock.ts';
import { openDisk } from './system/disk.ts';
import { lockFolder } from './system/lock.ts';
import type { Random } from './system/random.ts';
import { nameOf } from './upstream/target.ts';
import { createUpstream } from './upstream/upstream.ts';

export type System = { readonly clock: Clock; readonly random: Random };

/** Why the relay can't start: a sentence for the owner of the board. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart';
}

export interface Relay {
  readonly addresses: readonly string[];
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
  const unlock = await takeFolder(config.spoolDir);
  undo.push(unlock);
  const spool = await openSpoolIn(config, { clock, random }, tell);
  undo.push(() => spool.close());

  const sizes = new Map<string, number | undefined>();
  const upstreams = config.upstreams.map((target) => {
    const learnSize = (octets: number | undefined) => {
      sizes.set(nameOf(target), octets);
      spool.learnUpstreamSize(smallest([...sizes.values()]));
    };
    return createUpstream(target, { clock, hostname: config.hostname, trust: config.trust, tell, learnSize });
  });
  const scheduler = createScheduler({
    queue: spool,
    carriers: upstreams,
    clock,
    random,
    tell,
    settings: { connections: config.upstreamConnections, retry: config.retry, expireAfter: config.expireAfter },
  });
  spool.feed((stored) => scheduler.offer(stored));

  const store = storeFor(spool, config.maxMessage);
  const stopping = new AbortController();
  const policy = createPolicy(config, store);
  const listener = await listenOrSay(config, { policy, store, clock, tell, stop: stopping.signal });
  scheduler.start();
  tell('started', {
    hostname: config.hostname,
    listening: listener.addresses,
    upstreams: upstreams.map(({ name }) => name),
    queued: spool.count,
  });

  return {
    addresses: listener.addresses,
    runNow: () => scheduler.runNow(),
    stop: () => stopInOrder({ stopping, listener, scheduler, upstreams, spool, unlock, tell }),
  };
}

async function stopInOrder(parts: {
  stopping: AbortController;
  listener: Listener;
  scheduler: Scheduler;
  upstreams: readonly { close(): Promise<void> }[];
  spool: Spool;
  unlock: () => Promise<void>;
  tell: Tell;
}): Promise<void> {
  parts.stopping.abort();
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

async function takeFolder(path: string): Promise<() => Promise<void>> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new CannotStart(`the spool directory ${path} can't be made: ${(error as Error).message}`);
  }
  const lock = await lockFolder(path);
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

async function listenOrSay(config: Config, parts: Parameters<typeof listen>[1]): Promise<Listener> {
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

/** What devices may send: the smallest of the configured maximum, the upstreams' SIZE less what this relay adds, and what the spool could ever hold. */
function storeFor(spool: Spool, maxMessage: number): MessageStore {
  return {
    instance: spool.instance,
    get sizeLimit() {
      const upstream = spool.upstreamSize === undefined ? Number.POSITIVE_INFINITY : spool.upstreamSize - MOST_ADDED_OCTETS;
      return Math.max(0, Math.min(maxMessage, upstream, spool.largest - MOST_ADDED_OCTETS));
    },
    room: (octets) => spool.room(octets),
    draft: (declared, device) => spool.draft(declared, device),
  };
}

function smallest(sizes: readonly (number | undefined)[]): number | undefined {
  const known = sizes.filter((one) => one !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
