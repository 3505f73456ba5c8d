import { expect, test } from 'vitest';
import { formatQueued, formatShown } from '../../src/ops/queue.ts';
import { formatQueueId } from '../../src/vocabulary/queue-id.ts';
import type { ListedMessage } from '../../src/vocabulary/queued-message.ts';

const message: ListedMessage = {
  id: formatQueueId(32),
  octets: 2_048,
  device: '192.0.2.7',
  ageSeconds: 90,
  attempts: 2,
  state: 'deferred',
  retryInSeconds: 600,
  problem: '450 4.2.1 later',
  from: '<cam@x.example>',
  to: ['you@example.org'],
};

test('a deferred message is two lines', () => {
  expect(formatQueued(message)).toEqual([
    '0000010  90 s old, 2.0 KiB, again in 10 min: <cam@x.example> to you@example.org (192.0.2.7)',
    '          2 attempts: 450 4.2.1 later',
  ]);
});

test('one that was not tried yet is a line, and of many recipients the first are shown', () => {
  const { retryInSeconds: _, problem: __, ...fresh } = message;
  expect(formatQueued({ ...fresh, state: 'due', attempts: 0, to: ['a@x', 'b@x', 'c@x', 'd@x', 'e@x'] })).toEqual([
    '0000010  90 s old, 2.0 KiB, due: <cam@x.example> to a@x, b@x, c@x and 2 more (192.0.2.7)',
  ]);
});

test('one message, with its header section', () => {
  expect(formatShown({ ...message, attempts: 1, header: 'Subject: x\r\n\tfolded\r\n' })).toEqual([
    'queue id     0000010',
    'device       192.0.2.7',
    'from         <cam@x.example>',
    'waits for    you@example.org',
    'size         2048 octets',
    'age          90 s',
    'state        deferred, tried again in 10 min, 1 attempt',
    'last answer  450 4.2.1 later',
    '',
    'Subject: x',
    ' folded',
    '',
  ]);
});
