// Messages that wait, for people to read: a line for each, or one message with its header section.

import type { ListedMessage, ShownMessage } from '../vocabulary/queued-message.ts';
import { size, span } from './format.ts';

/** One line, and a second with the last answer if there was one. */
export function formatQueued(one: ListedMessage): readonly string[] {
  const to = one.to.length > 3 ? `${one.to.slice(0, 3).join(', ')} and ${one.to.length - 3} more` : one.to.join(', ');
  const when = one.state === 'deferred' ? `again in ${span(one.retryInSeconds ?? 0)}` : one.state;
  const line = `${one.id}  ${span(one.ageSeconds)} old, ${size(one.octets)}, ${when}: ${one.from} to ${to} (${one.device})`;
  return [line, ...(one.problem === undefined ? [] : [`          ${attempts(one.attempts)}: ${one.problem}`])];
}

/** A line for each fact, an empty line, and the header section. */
export function formatShown(one: ShownMessage): readonly string[] {
  return [
    `queue id     ${one.id}`,
    `device       ${one.device}`,
    `from         ${one.from}`,
    ...one.to.map((to) => `waits for    ${to}`),
    `size         ${one.octets} octets`,
    `age          ${span(one.ageSeconds)}`,
    `state        ${one.state === 'deferred' ? `deferred, tried again in ${span(one.retryInSeconds ?? 0)}` : one.state}, ${attempts(one.attempts)}`,
    ...(one.problem === undefined ? [] : [`last answer  ${one.problem}`]),
    '',
    ...one.header.split('\r\n').map((line) => line.replaceAll('\t', ' ')),
  ];
}

const attempts = (count: number) => (count === 1 ? '1 attempt' : `${count} attempts`);
