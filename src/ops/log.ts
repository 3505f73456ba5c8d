// The log: one line an event. A message's life is one `grep` for its queue id. A listener of the
// relay's events, nothing else.

import type { RelayEvents } from '../events.ts';
import { formatMailbox, formatPath } from '../smtp/address.ts';
import type { Envelope } from '../smtp/envelope.ts';
import type { Failure } from '../smtp/outcome.ts';
import { describeReply } from '../smtp/reply.ts';
import type { Clock } from '../system/clock.ts';

export type Level = 'debug' | 'info' | 'warn' | 'error';

type Fields = Readonly<Record<string, string | number | undefined>>;
type Line = { readonly level: Level; readonly fields: Fields };

const ORDER: readonly Level[] = ['debug', 'info', 'warn', 'error'];

/** For each event its level and fields, the queue id first. */
const LINES: { readonly [E in keyof RelayEvents]: (...news: Parameters<RelayEvents[E]>) => Line } = {
  started: ({ hostname, listening, upstreams, queued }) => ({
    level: 'info',
    fields: { hostname, listening: listening.join(','), upstreams: upstreams.join(','), queued },
  }),
  stopped: () => ({ level: 'info', fields: {} }),
  connected: ({ device }) => ({ level: 'debug', fields: { device } }),
  refused: ({ device, refusal, command, id }) => ({
    level: 'warn',
    fields: {
      id,
      device,
      reply: `${refusal.code} ${refusal.status} ${[refusal.text].flat().join(' / ')}`,
      command: command === '' ? undefined : withoutSecret(command),
    },
  }),
  notSmtp: ({ device, line, count }) => ({ level: 'warn', fields: { device, line: line.slice(0, 200), count } }),
  deviceTlsFailed: ({ device, problem }) => ({ level: 'warn', fields: { device, problem } }),
  authenticated: ({ device, user, mechanism }) => ({ level: 'info', fields: { device, user, mechanism } }),
  accepted: ({ id, device, hello, octets, envelope }) => ({
    level: 'info',
    fields: { id, device, hello, from: formatPath(envelope.reversePath), to: recipients(envelope), octets },
  }),
  delivered: ({ id, recipient, upstream, reply, seconds }) => ({
    level: 'info',
    fields: { id, to: formatMailbox(recipient), upstream, reply: describeReply(reply), seconds: seconds.toFixed(3) },
  }),
  deferred: ({ id, recipient, upstream, failure, retryInSeconds }) => ({
    level: 'warn',
    fields: { id, to: formatMailbox(recipient), upstream, ...failureFields(failure), retry: `${retryInSeconds}s` },
  }),
  bounced: ({ id, recipient, upstream, failure }) => ({
    level: 'error',
    fields: { id, to: formatMailbox(recipient), upstream, ...failureFields(failure) },
  }),
  expired: ({ id, recipient, upstream, failure, hours }) => ({
    level: 'error',
    fields: { id, to: formatMailbox(recipient), upstream, ...failureFields(failure), hours },
  }),
  notified: ({ id, about, action, recipient }) => ({ level: 'info', fields: { id, about, action, to: formatMailbox(recipient) } }),
  notificationLost: ({ about, action, recipient, problem }) => ({
    level: 'error',
    fields: { id: about, action, to: formatMailbox(recipient), problem },
  }),
  dropped: ({ id }) => ({ level: 'warn', fields: { id } }),
  held: () => ({ level: 'warn', fields: {} }),
  released: () => ({ level: 'info', fields: {} }),
  removed: ({ id }) => ({ level: 'debug', fields: { id } }),
  maybeDelivered: ({ id, upstream, problem }) => ({ level: 'warn', fields: { id, upstream, problem } }),
  upstreamConnected: ({ upstream, tls, auth, sizeLimit }) => ({ level: 'debug', fields: { upstream, tls, auth, size: sizeLimit } }),
  upstreamUp: ({ upstream, downSeconds }) => ({ level: 'info', fields: { upstream, down: `${downSeconds}s` } }),
  upstreamSlowed: ({ upstream, failure, retryInSeconds }) => ({
    level: 'warn',
    fields: { upstream, ...failureFields(failure), retry: `${retryInSeconds}s` },
  }),
  // A network that is away for a week is one line, not a page a day written to the card.
  upstreamDown: ({ upstream, failure, retryInSeconds, isRepeated }) => ({
    level: isRepeated ? 'debug' : 'warn',
    fields: { upstream, ...failureFields(failure), retry: `${retryInSeconds}s` },
  }),
  spoolRecovered: ({ messages, unfinished, torn, milliseconds }) => ({
    level: 'info',
    fields: { messages, unfinished, torn, milliseconds },
  }),
  spoolDamaged: ({ segment, problem, lost, maybeLost }) => ({
    level: 'error',
    fields: { segment, problem, lost: lost.join(',') || undefined, maybeLost: maybeLost.join(',') || undefined },
  }),
  spoolFull: ({ device, octets }) => ({ level: 'error', fields: { device, octets } }),
  spoolFailed: ({ problem }) => ({ level: 'error', fields: { problem } }),
  fault: ({ where, error }) => ({
    level: 'error',
    fields: { where, error: error instanceof Error ? (error.stack ?? error.message) : String(error) },
  }),
};

const recipients = ({ recipients: all }: Envelope) => all.map(({ forwardPath }) => formatMailbox(forwardPath)).join(',');

function failureFields(failure: Failure): Fields {
  return {
    stage: failure.stage,
    reply: failure.reply && describeReply(failure.reply),
    problem: 'problem' in failure ? failure.problem : undefined,
    advice: failure.advice,
  };
}

/** A device's AUTH command may carry a password. */
function withoutSecret(command: string): string {
  return command.replace(/^(\s*auth\s+\S+).*$/is, '$1 ...').slice(0, 200);
}

export type LogSettings = { readonly level: Level; readonly format: 'text' | 'json' };

/** A listener of all events that writes each one's line with `write`, if it is of the level or above. */
export function createLog(settings: LogSettings, clock: Pick<Clock, 'wall'>, write: (line: string) => void): RelayEvents {
  const least = ORDER.indexOf(settings.level);
  const hear = (event: string, { level, fields }: Line) => {
    if (ORDER.indexOf(level) < least) return;
    const all: Fields = { time: new Date(clock.wall()).toISOString(), level, event, ...fields };
    write(settings.format === 'json' ? `${JSON.stringify(all)}\n` : `${formatLogfmt(all)}\n`);
  };
  const listeners = Object.entries(LINES).map(([event, line]) => [
    event,
    (news: never) => hear(event, (line as (news: never) => Line)(news)),
  ]);
  return Object.fromEntries(listeners) as RelayEvents;
}

/** logfmt: `key=value`, quoted when there is anything in it that could mislead a reader or a parser. */
export function formatLogfmt(fields: Fields): string {
  const words: string[] = [];
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const text = String(value);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are just what must be quoted
    words.push(`${key}=${/^[^\s"=\\\u0000-\u001f\u007f-\u009f\u2028\u2029]+$/.test(text) ? text : quoted(text)}`);
  }
  return words.join(' ');
}

/** JSON's quoting, with what JSON leaves as it is but a terminal acts upon. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
