// The status of the running relay, gathered from its parts.

import { statfs } from 'node:fs/promises';
import type { Config } from '../config/config.ts';
import type { Scheduler } from '../delivery/scheduler.ts';
import type { RelayStatus } from '../ops/status.ts';
import type { Listener } from '../server/listener.ts';
import type { SizeLimit } from '../server/size-limit.ts';
import { yearsLeft } from '../spool/flash.ts';
import type { Spool } from '../spool/spool.ts';
import type { Calendar } from '../system/calendar.ts';
import type { Monotonic } from '../system/clock.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { VERSION } from '../version.ts';
import type { UpstreamStatus } from '../vocabulary/upstream-status.ts';

type StatusParts = {
  readonly config: Config;
  readonly startedAt: Monotonic;
  readonly calendar: Calendar;
  readonly listener: Listener;
  readonly scheduler: Scheduler;
  readonly sizeLimit: SizeLimit;
  readonly spool: Spool;
  readonly upstreams: readonly Upstream[];
};

// The estimate of the card's life is no better than its order of magnitude.
const MOST_YEARS = 1_000;

/** What the relay is doing just now; rejects when the spool's file system can't be asked for its size. */
export async function statusOf({
  config,
  startedAt,
  calendar,
  listener,
  scheduler,
  sizeLimit,
  spool,
  upstreams,
}: StatusParts): Promise<RelayStatus> {
  const { flash, running, ...spoolStatus } = spool.status();
  const { blocks, bsize } = await statfs(config.spool.dir);
  const years = yearsLeft(flash.total.octets, running, blocks * bsize);
  return {
    version: VERSION,
    hostname: config.relay.hostname,
    listening: listener.addresses,
    upSeconds: Math.round((calendar.now() - startedAt) / 1000),
    isHeld: scheduler.isHeld,
    isClockBehind: calendar.isBehind(),
    sizeLimit: sizeLimit.octets,
    upstreams: scheduler.status().map((one) => withHint(one, upstreams.find(({ name }) => name === one.name)?.hint)),
    spool: spoolStatus,
    flash: {
      today: flash.today,
      total: flash.total,
      ...(years === undefined ? {} : { yearsLeft: Math.min(MOST_YEARS, Math.round(years)) }),
    },
  };
}

/** An upstream that keeps silent is not up, though nothing has failed yet. */
function withHint(status: UpstreamStatus, hint: string | undefined): UpstreamStatus {
  if (hint === undefined || status.advice !== undefined) return status;
  return { ...status, state: 'probing', problem: status.problem ?? 'no greeting has come yet', advice: hint };
}
