// Runs every transcript in this folder, in all modes.

import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as replies from '../../src/server/replies.ts';
import type { Malformed } from '../../src/smtp/command.ts';
import { formatReply, type Reply } from '../../src/smtp/reply.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { modesOf, readDialog } from '../support/dialogs/dialog.ts';
import { runDialog } from '../support/dialogs/run.ts';

const HERE = new URL('.', import.meta.url).pathname;
const files = readdirSync(HERE, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.dialog'))
  .sort();

describe.each(files)('%s', (file) => {
  const dialog = readDialog(HERE + file);
  test.each(modesOf(dialog))('%s', async (mode) => void (await runDialog(dialog, mode)));
});

type Replies = typeof replies;
type Functions = { [K in keyof Replies as Replies[K] extends (...all: never) => Reply ? K : never]: Replies[K] };

// They stand for any text and any number.
const TEXT = 'anytext';
const NUMBER = 987_654_321;

const MALFORMED: readonly Malformed[] = [
  { malformed: 'not-smtp', protocol: 'tls' },
  { malformed: 'unknown-command' },
  { malformed: 'empty' },
  { malformed: 'too-long' },
  ...(['MAIL', 'RCPT', 'BDAT', 'AUTH', 'VRFY', 'EXPN', 'ETRN', 'DATA', 'RSET', 'QUIT', 'STARTTLS'] as const).map(
    (verb) => ({ malformed: 'syntax', verb }) as const,
  ),
  ...(['unknown', 'value', 'repeated'] as const).map((fault) => ({ malformed: 'parameter', fault, parameter: TEXT }) as const),
];

// Without `not-ascii`, which path.ts never finds: it takes all paths for UTF-8.
const FAULTS = ['no-path', 'syntax', 'several', 'too-long', 'control-character'] as const;

/** For each function of replies.ts, arguments that bring out each of its sentences. */
const ARGUMENTS: { readonly [K in keyof Functions]: readonly Readonly<Parameters<Functions[K]>>[] } = {
  greeting: [[TEXT]],
  hello: [[TEXT, TEXT]],
  extendedHello: [[TEXT, TEXT, [TEXT]]],
  queued: [[TEXT as QueueId]],
  chunkOk: [[NUMBER]],
  help: [[[TEXT]]],
  challenge: [[TEXT]],
  queueRun: [[NUMBER]],
  notImplemented: [[TEXT]],
  malformed: MALFORMED.map((fault) => [fault]),
  unreadablePath: (['MAIL', 'RCPT'] as const).flatMap((verb) => FAULTS.map((fault) => [verb, fault] as const)),
  notOffered: [[TEXT]],
  senderNotAllowed: [[TEXT]],
  senderWithoutUpstream: [[TEXT]],
  recipientNotAllowed: [[TEXT]],
  tooLarge: [[NUMBER]],
  headerTooLarge: [[NUMBER]],
  tooManyFields: [[NUMBER]],
  tooManyRecipients: [[NUMBER]],
  notAllowed: [[TEXT]],
  isGateway: [[TEXT]],
  tooMuch: [[NUMBER]],
};

// No dialog of one session can reach them; server/listener.test.ts does.
const ELSEWHERE: ReadonlySet<string> = new Set(['notAllowed', 'isGateway', 'tooManyConnections', 'tooManyFromDevice', 'stopping', 'fault']);

/** The whole reply, all its lines, with anything where the sentinels stand. */
function patternOf(reply: Reply): RegExp {
  const text = formatReply(reply)
    .toString()
    .replace(/[.+*?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${text.replaceAll(TEXT, '[^]*').replaceAll(String(NUMBER), '\\d+')}$`);
}

function sentences(): readonly (readonly [string, RegExp])[] {
  return Object.entries(replies).flatMap(([name, reply]: [string, Reply | ((...all: never[]) => Reply)]) => {
    if (ELSEWHERE.has(name)) return [];
    if (typeof reply === 'object') return [[name, patternOf(reply)] as const];
    const lists: readonly (readonly unknown[])[] = ARGUMENTS[name as keyof Functions];
    return lists.map((list) => [`${name} ${JSON.stringify(list)}`, patternOf(reply(...(list as never[])))] as const);
  });
}

test('every sentence that the server can say is said in some dialog', { timeout: 60_000 }, async () => {
  const said = new Set<string>();
  for (const file of files) {
    const dialog = readDialog(HERE + file);
    for (const reply of await runDialog(dialog, modesOf(dialog)[0])) said.add(reply);
  }
  const unsaid = sentences().filter(([, pattern]) => ![...said].some((reply) => pattern.test(reply)));
  expect(unsaid.map(([name]) => name)).toEqual([]);
});
