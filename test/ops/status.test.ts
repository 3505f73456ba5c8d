import { expect, test } from 'vitest';
import { formatStatus, type RelayStatus } from '../../src/ops/status.ts';
import { formatQueueId } from '../../src/vocabulary/queue-id.ts';

const MIB = 2 ** 20;
const status: RelayStatus = {
  version: '1.2.3',
  hostname: 'gate.example',
  listening: ['127.0.0.1:25', '[::1]:25'],
  upSeconds: 7_200,
  isHeld: false,
  isClockBehind: false,
  sizeLimit: 25 * MIB,
  upstreams: [{ name: 'smtp.example.org:587', state: 'up' }],
  spool: { messages: 1, held: 2_048, capacity: 50 * MIB, segments: 2, damage: [] },
  flash: { today: { octets: MIB, syncs: 3 }, total: { octets: 2 * MIB, syncs: 5 } },
};

test('a relay that is well', () => {
  expect(formatStatus(status)).toEqual([
    'gate.example: Gatepost 1.2.3, up 2 h, listening on 127.0.0.1:25 and [::1]:25',
    '1 message waits; the spool holds 2.0 KiB of 50.0 MiB; devices may send up to 25.0 MiB',
    'upstream smtp.example.org:587 is up',
    'written to flash: today 1.0 MiB in 3 syncs, in all 2.0 MiB in 5 syncs; too early to tell how long the card will last',
  ]);
});

test('what the owner should see', () => {
  const [one, other] = [formatQueueId(1), formatQueueId(2)];
  const lines = formatStatus({
    ...status,
    isHeld: true,
    isClockBehind: true,
    spool: {
      ...status.spool,
      messages: 0,
      damage: [
        { segment: '000001.segment', problem: 'it is missing', lost: [one], maybeLost: [other] },
        { segment: '000002.segment', problem: 'EIO', lost: [], maybeLost: [] },
      ],
    },
  });
  expect(lines[1]).toMatch(/^0 messages wait; /);
  expect(lines).toContain('THE QUEUE IS HELD: nothing is delivered until "gatepost queue release"');
  expect(lines.filter((line) => line.startsWith("this board's date is behind"))).toHaveLength(1);
  expect(lines).toContain(`DAMAGE in 000001.segment: it is missing; lost: ${one}; perhaps lost: ${other}`);
  expect(lines).toContain('DAMAGE in 000002.segment: EIO');
});

test.each<[RelayStatus['upstreams'][number], readonly string[]]>([
  [
    { name: 'up', state: 'down', problem: 'no route', advice: 'see the cable', downSeconds: 300, retryInSeconds: 5 },
    ['upstream up is down for 5 min, tried again in 5 s: no route', '  see the cable'],
  ],
  [{ name: 'up', state: 'probing', problem: 'no route', downSeconds: 1 }, ['upstream up is down for 1 s, being tried now: no route']],
  [
    { name: 'up', state: 'slowed', problem: '421 4.7.0', retryInSeconds: 15 },
    ['upstream up is up but wants less; next message in 15 s: 421 4.7.0'],
  ],
])('an upstream: %j', (upstream, lines) => expect(formatStatus({ ...status, upstreams: [upstream] }).slice(2, -1)).toEqual(lines));

test.each([
  [12, 'at this rate the card lasts 12 years'],
  [1_000, 'at this rate the card lasts over 100 years'],
])('%d years left: %s', (yearsLeft, words) => {
  expect(formatStatus({ ...status, flash: { ...status.flash, yearsLeft } }).at(-1)).toContain(words);
});
