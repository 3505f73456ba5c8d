import { expect, test } from 'vitest';
import type { QueueId } from '../../src/events.ts';
import { createLog, formatLogfmt } from '../../src/ops/log.ts';
import { fakeClock } from '../support/clock.ts';

const id = 'ABC1234' as QueueId;
const recipient = { localPart: 'you', domain: 'example.org' };

function logOf(level: 'debug' | 'info' | 'error', format: 'text' | 'json' = 'text') {
  const lines: string[] = [];
  return { lines, log: createLog({ level, format }, fakeClock(), (line) => lines.push(line)) };
}

test("a message's life is one grep", () => {
  const { log, lines } = logOf('info');
  const envelope = { reversePath: { localPart: 'cam', domain: 'x' }, recipients: [{ forwardPath: recipient }], parameters: {} } as const;
  log.accepted({ id, device: '192.0.2.7', hello: 'cam one', octets: 12, envelope });
  log.deferred({
    id,
    recipient,
    upstream: 'up:587',
    failure: { scope: 'recipient', stage: 'rcpt', reply: { code: 450, lines: ['4.2.1 later'] } },
    retryInSeconds: 60,
  });
  log.delivered({ id, recipient, upstream: 'up:587', reply: { code: 250, lines: ['ok'] }, seconds: 1.5 });
  expect(lines).toEqual([
    'time=2026-11-24T12:00:00.000Z level=info event=accepted id=ABC1234 device=192.0.2.7 hello="cam one" from=<cam@x> to=you@example.org octets=12\n',
    'time=2026-11-24T12:00:00.000Z level=warn event=deferred id=ABC1234 to=you@example.org upstream=up:587 stage=rcpt reply="450 4.2.1 later" retry=60s\n',
    'time=2026-11-24T12:00:00.000Z level=info event=delivered id=ABC1234 to=you@example.org upstream=up:587 reply="250 ok" seconds=1.500\n',
  ]);
});

test('what a device says can neither end a line nor reach the terminal', () => {
  const text = formatLogfmt({ hello: 'a\nlevel=error b="c"\u001b[31m\u009b\u2028' });
  expect(text).toBe('hello="a\\nlevel=error b=\\"c\\"\\u001b[31m\\u009b\\u2028"');
  expect(formatLogfmt({ empty: '', none: undefined, number: 5 })).toBe('empty="" number=5');
});

test("a device's password is not logged", () => {
  const { log, lines } = logOf('info');
  const refusal = { code: 503, status: '5.5.1', text: 'no' } as const;
  log.refused({ device: 'x', refusal, command: 'AUTH PLAIN AHVzZXIAc2VjcmV0' });
  expect(lines[0]).toContain('command="AUTH PLAIN ..."');
  expect(lines[0]).not.toContain('AHVz');
});

test('levels and JSON', () => {
  const { log, lines } = logOf('error', 'json');
  log.connected({ device: 'x' });
  log.spoolFailed({ problem: 'EIO' });
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { time: '2026-11-24T12:00:00.000Z', level: 'error', event: 'spoolFailed', problem: 'EIO' },
  ]);
});
