// The log: one line for each event. All that happens to a message is found by one `grep` for its queue id. The log is a
// listener of the relay's events, nothing else.

import { discreet, discreetMailbox, discreetPath } from '../smtp/discreet.ts';
import type { Envelope } from '../smtp/envelope.ts';
import { printable, printableJson } from '../smtp/printable.ts';
import { describeReply } from '../smtp/reply.ts';
import type { Clock } from '../system/clock.ts';
import type { Failure } from '../vocabulary/attempt.ts';
import type { RelayEvents, SessionProgress } from '../vocabulary/events.ts';
import { LOG_LEVELS, type LogLevel } from '../vocabulary/log-level.ts';
import { type Repeated, Repetitions } from './repetitions.ts';

type Fields = Readonly<Record<string, string | number | undefined>>;
type Line = { readonly level: LogLevel; readonly fields: Fields };

/** For each event its level and fields, the queue id first. */
const LINES: { readonly [E in keyof RelayEvents]: (...given: Parameters<RelayEvents[E]>) => Line } = {
  started: ({ hostname, listening, upstreams, queued }) => ({
    level: 'info',
    fields: { hostname, listening: listening.join(','), upstreams: upstreams.join(','), queued },
  }),
  stopped: () => ({ level: 'info', fields: {} }),
  connected: ({ device }) => ({ level: 'debug', fields: { device } }),
  refused: ({ device, refusal, command, progress, advice }) => ({
    level: 'warn',
    fields: {
      device,
      reply: `${refusal.code} ${refusal.status} ${[refusal.text].flat().join(' / ')}`,
      command: command === '' ? undefined : command,
      ...progressFields(progress),
      advice,
    },
  }),
  gone: ({ device, progress, problem, advice }) => ({
    level: 'warn',
    fields: { device, ...progressFields(progress), problem, advice },
  }),
  notSmtp: ({ device, protocol, octets, advice }) => ({ level: 'warn', fields: { device, protocol, octets, advice } }),
  deviceTlsFailed: ({ device, problem, advice }) => ({ level: 'warn', fields: { device, problem, advice } }),
  authenticated: ({ device, user, mechanism }) => ({ level: 'info', fields: { device, user, mechanism } }),
  accepted: ({ id, device, hello, octets, envelope }) => ({
    level: 'info',
    fields: { id, device, hello: discreet(hello), from: discreetPath(envelope.reversePath), to: recipients(envelope), octets },
  }),
  delivered: ({ id, recipient, upstream, reply, seconds }) => ({
    level: 'info',
    fields: { id, to: discreetMailbox(recipient), upstream, reply: describeReply(reply), seconds: seconds.toFixed(3) },
  }),
  deferred: ({ id, recipient, upstream, failure, retryInSeconds }) => ({
    level: 'warn',
    fields: { id, to: discreetMailbox(recipient), upstream, ...failureFields(failure), retry: `${retryInSeconds}s` },
  }),
  bounced: ({ id, recipient, upstream, failure }) => ({
    level: 'error',
    fields: { id, to: discreetMailbox(recipient), upstream, ...failureFields(failure) },
  }),
  expired: ({ id, recipient, upstream, failure, hours }) => ({
    level: 'error',
    fields: { id, to: discreetMailbox(recipient), upstream, ...failureFields(failure), hours },
  }),
  notified: ({ id, about, action, recipient }) => ({ level: 'info', fields: { id, about, action, to: discreetMailbox(recipient) } }),
  notificationLost: ({ recipient, problem, ...which }) => ({
    level: 'error',
    fields: {
      ...('id' in which ? { id: which.id } : { id: which.about, action: which.action }),
      to: discreetMailbox(recipient),
      problem,
    },
  }),
  dropped: ({ id }) => ({ level: 'warn', fields: { id } }),
  held: () => ({ level: 'warn', fields: {} }),
  released: () => ({ level: 'info', fields: {} }),
  removed: ({ id }) => ({ level: 'debug', fields: { id } }),
  signatureBroken: ({ upstream, envelope }) => ({
    level: 'warn',
    fields: { upstream, from: discreetPath(envelope.reversePath), to: recipients(envelope) },
  }),
  maybeDelivered: ({ id, upstream, problem }) => ({ level: 'warn', fields: { id, upstream, problem } }),
  upstreamConnected: ({ upstream, tls, auth, sizeLimit }) => ({ level: 'debug', fields: { upstream, tls, auth, size: sizeLimit } }),
  upstreamLearned: ({ upstream, sentence }) => ({ level: 'warn', fields: { upstream, problem: sentence } }),
  upstreamUp: ({ upstream, downSeconds }) => ({ level: 'info', fields: { upstream, down: `${downSeconds}s` } }),
  upstreamSlowed: ({ upstream, failure, retryInSeconds }) => ({
    level: 'warn',
    fields: { upstream, ...failureFields(failure), retry: `${retryInSeconds}s` },
  }),
  // A network that is down for a week is one line, not a page for each day, written to the card.
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

const recipients = ({ recipients: all }: Envelope) => all.map(({ forwardPath }) => discreetMailbox(forwardPath)).join(',');

// The most recipients that are shown of a message that was not accepted. The line of an accepted one has them all.
const MOST_RECIPIENTS = 10;

function progressFields(progress: SessionProgress | undefined): Fields {
  if (progress === undefined) return {};
  const { stage, hello, from, to, octets } = progress;
  const shown = to?.slice(0, MOST_RECIPIENTS).join(',');
  const rest = (to?.length ?? 0) - MOST_RECIPIENTS;
  return { stage, hello, from, to: rest > 0 ? `${shown} and ${rest} more` : shown || undefined, octets };
}

function failureFields(failure: Failure): Fields {
  return {
    stage: failure.stage,
    reply: failure.reply && describeReply(failure.reply),
    problem: 'problem' in failure ? failure.problem : undefined,
    advice: failure.advice,
  };
}

/** `level`: the least that is written. */
type LogSettings = { readonly level: LogLevel; readonly format: 'text' | 'json' };

// The events that a device can cause as often as it likes, and what distinguishes their kinds beside the device: never
// a text in which the device's own words stand.
const BY_DEVICES: { readonly [E in keyof RelayEvents]?: (...given: Parameters<RelayEvents[E]>) => Repeated } = {
  refused: ({ device, refusal }) => ({ device, kind: `refused ${refusal.code} ${refusal.status}` }),
  gone: ({ device, progress }) => ({ device, kind: `gone ${progress.stage}` }),
  notSmtp: ({ device, protocol }) => ({ device, kind: `notSmtp ${protocol}` }),
  deviceTlsFailed: ({ device, problem }) => ({ device, kind: `deviceTlsFailed ${problem}` }),
  authenticated: ({ device, user }) => ({ device, kind: `authenticated ${user}` }),
  spoolFull: ({ device }) => ({ device, kind: 'spoolFull' }),
};

/**
 * A listener of all events that writes a line for each with `write`, if it is of the level or above. `write` returns
 * whether it took the line; once it takes lines again, a line says how many were lost.
 */
export function createLog(settings: LogSettings, clock: Pick<Clock, 'wall' | 'after'>, write: (line: string) => boolean): RelayEvents {
  const least = LOG_LEVELS.indexOf(settings.level);
  let lost = 0;

  const put = (event: string, { level, fields }: Line): boolean => {
    const all: Fields = { time: new Date(clock.wall()).toISOString(), level, event, ...fields };
    return write(settings.format === 'json' ? `${printableJson(all)}\n` : `${formatLogfmt(all)}\n`);
  };
  const putOrCount = (event: string, line: Line) => {
    if (lost > 0 && put('linesLost', { level: 'warn', fields: { count: lost } })) lost = 0;
    if (!put(event, line)) lost += 1;
  };
  const repetitions = new Repetitions<{ readonly event: string; readonly line: Line }>(clock, ({ event, line }, count) =>
    putOrCount(event, { ...line, fields: { ...line.fields, count } }),
  );
  const log = (event: keyof RelayEvents, line: Line, repeated: Repeated | undefined) => {
    if (LOG_LEVELS.indexOf(line.level) < least) return;
    if (event === 'stopped') repetitions.flush();
    if (repeated === undefined || repetitions.isFirst(repeated, { event, line })) putOrCount(event, line);
  };
  const listeners = Object.entries(LINES).map(([event, line]) => {
    const name = event as keyof RelayEvents;
    const repeatedBy = BY_DEVICES[name] as ((given: never) => Repeated) | undefined;
    return [name, (given: never) => log(name, (line as (given: never) => Line)(given), repeatedBy?.(given))];
  });
  const all: RelayEvents = Object.fromEntries(listeners);
  return {
    ...all,
    accepted(message) {
      repetitions.know(message.device);
      all.accepted(message);
    },
  };
}

/**
 * logfmt: `key=value`; a value is quoted if anything in it could mislead a reader or a parser. Undefined fields are
 * left out.
 */
export function formatLogfmt(fields: Fields): string {
  const words: string[] = [];
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const text = String(value);
    words.push(`${key}=${/^[^\s"=\\]+$/.test(text) && printable(text) === text ? text : printableJson(text)}`);
  }
  return words.join(' ');
}
