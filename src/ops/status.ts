// A snapshot of the running relay: the control socket sends it as JSON, people read it as lines.

import type { FlashCount, SpoolStatus } from '../vocabulary/spool-status.ts';
import type { UpstreamStatus } from '../vocabulary/upstream-status.ts';
import { size, span } from './format.ts';

/** What the running relay is doing. Sizes are octets. */
export type RelayStatus = {
  readonly version: string;
  readonly hostname: string;
  /** Each `host:port`. */
  readonly listening: readonly string[];
  readonly upSeconds: number;
  /** Whether the queue is held by hand. */
  readonly isHeld: boolean;
  /** Whether the board's date is certainly behind. */
  readonly isClockBehind: boolean;
  /** The largest message that a device may send just now. */
  readonly sizeLimit: number;
  readonly upstreams: readonly UpstreamStatus[];
  readonly spool: SpoolStatus;
  /** What was written to the flash; `yearsLeft` is absent while there is too little to go by. */
  readonly flash: { readonly today: FlashCount; readonly total: FlashCount; readonly yearsLeft?: number };
};

/** Lines for people; the queue and the upstreams first. */
export function formatStatus(status: RelayStatus): readonly string[] {
  const { spool, flash } = status;
  const lines = [
    `${status.hostname}: Gatepost ${status.version}, up ${span(status.upSeconds)}, listening on ${status.listening.join(' and ')}`,
  ];
  lines.push(
    `${spool.messages} ${spool.messages === 1 ? 'message waits' : 'messages wait'}; the spool holds ${size(spool.held)} of ${size(spool.capacity)}; devices may send up to ${size(status.sizeLimit)}`,
  );
  if (status.isHeld) lines.push('THE QUEUE IS HELD: nothing is delivered until "gatepost queue release"');
  if (status.isClockBehind) lines.push("this board's date is behind: is there an NTP server? Certificates can't be judged until it is set");
  for (const upstream of status.upstreams) lines.push(...formatUpstream(upstream));
  for (const { segment, problem, lost, maybeLost } of spool.damage) {
    const certainly = lost.length > 0 ? `; lost: ${lost.join(' ')}` : '';
    const perhaps = maybeLost.length > 0 ? `; perhaps lost: ${maybeLost.join(' ')}` : '';
    lines.push(`DAMAGE in ${segment}: ${problem}${certainly}${perhaps}`);
  }
  lines.push(`written to flash: today ${counted(flash.today)}, in all ${counted(flash.total)}; ${cardLasts(flash.yearsLeft)}`);
  return lines;
}

function formatUpstream({ name: host, senders, state, problem = '', advice, downSeconds, retryInSeconds }: UpstreamStatus): string[] {
  const name = senders === undefined ? host : `${host} (for ${senders.join(', ')})`;
  if (state === 'untried') return [`upstream ${name} has answered no message yet`];
  if (state === 'up') return [`upstream ${name} is up`];
  const retry = retryInSeconds === undefined ? 'being tried now' : `tried again in ${span(retryInSeconds)}`;
  const line =
    state === 'slowed'
      ? `upstream ${name} is up but wants less; next message in ${span(retryInSeconds ?? 0)}: ${problem}`
      : `upstream ${name} ${downSeconds === undefined ? 'is' : `is down for ${span(downSeconds)},`} ${retry}: ${problem}`;
  return [line, ...(advice === undefined ? [] : [`  ${advice}`])];
}

function cardLasts(years: number | undefined): string {
  if (years === undefined) return 'too early to tell how long the card will last';
  return `at this rate the card lasts ${years >= 100 ? 'over 100' : years} years`;
}

const counted = ({ octets, syncs }: FlashCount) => `${size(octets)} in ${syncs} syncs`;
