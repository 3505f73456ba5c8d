import { describe, expect, test } from 'vitest';
import { createLog, formatLogfmt } from '../../src/ops/log.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { fakeClock } from '../support/fakes/clock.ts';

const id = 'ABC1234' as QueueId;
const recipient = { localPart: 'you', domain: 'example.org' };

function logOf(level: 'debug' | 'info' | 'error', format: 'text' | 'json' = 'text') {
  const lines: string[] = [];
  const clock = fakeClock();
  const sink = { isStuck: false };
  const write = (line: string) => !sink.isStuck && lines.push(line) > 0;
  return { lines, clock, sink, log: createLog({ level, format }, clock, write) };
}

test("a message's life is one grep", () => {
  const { log, lines } = logOf('info');
  const envelope = { reversePath: { localPart: 'cam', domain: 'x' }, recipients: [{ forwardPath: recipient }], parameters: {} } as const;
  log.accepted({ id, device: '192.0.2.7', hello: 'cam one', octets: 12, envelope });
  log.deferred({
    id,
    recipient,
    upstream: 'up:587',
    failure: { scope: 'message', stage: 'rcpt', cause: 'message', reply: { code: 450, lines: ['4.2.1 later'] } },
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

test('what is in JSON can not reach the terminal either', () => {
  const { log, lines } = logOf('info', 'json');
  log.authenticated({ device: 'x', user: 'a\u007f\u009b31m\u202e', mechanism: 'PLAIN' });
  expect(lines[0]).toContain('"user":"a\\u007f\\u009b31m\\u202e"');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ user: 'a\u007f\u009b31m\u202e' });
});

describe('what a device does over and over', () => {
  const refusal = { code: 503, status: '5.5.1', text: 'no' } as const;
  const refused = (device: string, command = 'MAIL FROM:<a@b>') => ({ device, refusal, command });

  test('is told once, then once a minute with a count, then again when it was quiet', async () => {
    const { log, lines, clock } = logOf('info');
    for (let count = 0; count < 1_000; count++) log.refused(refused('a', `MAIL FROM:<${count}@b>`));
    expect(lines).toHaveLength(1);
    await clock.advance(60_000);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain('command="MAIL FROM:<999@b>" count=999');
    await clock.advance(60_000);
    expect(lines).toHaveLength(2);
    log.refused(refused('a'));
    expect(lines).toHaveLength(3);
    await clock.advance(600_000);
    expect(lines).toHaveLength(3);
    expect(clock.nextTimer()).toBeUndefined();
  });

  test('of another device, or another refusal, is another kind', () => {
    const { log, lines } = logOf('info');
    log.refused(refused('a'));
    log.refused(refused('b'));
    log.refused({ ...refused('a'), refusal: { code: 550, status: '5.7.1', text: 'no' } });
    log.gone({ device: 'a', progress: { stage: 'mail' }, problem: 'x' });
    expect(lines).toHaveLength(4);
  });

  test('from ten thousand addresses is logged for the first few hundred, and counted for the others', async () => {
    const { log, lines, clock } = logOf('info');
    for (let count = 0; count < 10_000; count++) log.refused(refused(`device-${count}`));
    expect(lines.length).toBeLessThan(300);
    const before = lines.length;
    await clock.advance(60_000);
    expect(lines).toHaveLength(before + 1);
    expect(lines.at(-1)).toMatch(/count=9\d\d\d/);
  });

  test('of one kind is known by its code and status, whatever its text says', async () => {
    const { log, lines, clock } = logOf('info');
    for (let count = 0; count < 1_000; count++) log.refused({ ...refused('a'), refusal: { ...refusal, text: `no ${count}` } });
    expect(lines).toHaveLength(1);
    await clock.advance(60_000);
    expect(lines).toHaveLength(2);
  });

  test('in a hundred ways is seventeen kinds, and silences no other device', async () => {
    const { log, lines, clock } = logOf('info');
    for (let count = 0; count < 100; count++) log.authenticated({ device: 'a', user: `user-${count}`, mechanism: 'PLAIN' });
    expect(lines).toHaveLength(17);
    log.refused(refused('b'));
    expect(lines).toHaveLength(18);
    await clock.advance(60_000);
    expect(lines).toHaveLength(19);
    expect(lines.at(-1)).toMatch(/device=a .*count=83/);
  });

  test('from ten thousand addresses silences no device that has sent a message', () => {
    const { log, lines } = logOf('info');
    const envelope = { reversePath: null, recipients: [{ forwardPath: recipient }], parameters: {} } as const;
    log.accepted({ id, device: 'cam', hello: 'cam', octets: 12, envelope });
    for (let count = 0; count < 10_000; count++) log.refused(refused(`device-${count}`));
    log.refused(refused('cam'));
    expect(lines.at(-1)).toContain('device=cam');
  });

  test('is told at the end, too', () => {
    const { log, lines } = logOf('info');
    for (let count = 0; count < 3; count++) log.refused(refused('a'));
    log.stopped();
    expect(lines.at(-2)).toContain('count=2');
  });
});

test('lines that nobody reads are dropped, and how many is told', () => {
  const { log, lines, sink } = logOf('info');
  sink.isStuck = true;
  for (let count = 0; count < 5; count++) log.spoolFailed({ problem: `${count}` });
  sink.isStuck = false;
  log.spoolFailed({ problem: 'the sixth' });
  expect(lines.map((line) => line.replace(/^time=\S+ /, ''))).toEqual([
    'level=warn event=linesLost count=5\n',
    'level=error event=spoolFailed problem="the sixth"\n',
  ]);
});

test('levels and JSON', () => {
  const { log, lines } = logOf('error', 'json');
  log.connected({ device: 'x' });
  log.spoolFailed({ problem: 'EIO' });
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { time: '2026-11-24T12:00:00.000Z', level: 'error', event: 'spoolFailed', problem: 'EIO' },
  ]);
});
