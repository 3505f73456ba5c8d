import { expect, test } from 'vitest';
import { emitTo } from '../../src/relay/events.ts';

test('every listener gets its events in order, before the call returns', () => {
  const heard: string[] = [];
  const tell = emitTo([
    { spoolFailed: ({ problem }) => void heard.push(`one ${problem}`), held: () => void heard.push('one held') },
    { spoolFailed: ({ problem }) => void heard.push(`two ${problem}`) },
  ]);
  tell('spoolFailed', { problem: 'EIO' });
  tell('held');
  tell('released'); // nobody listens
  expect(heard).toEqual(['one EIO', 'two EIO', 'one held']);
});

test('a listener that throws keeps the event neither from the others nor from the caller', () => {
  const heard: string[] = [];
  const tell = emitTo([
    {
      held() {
        throw new Error('no');
      },
    },
    { held: () => void heard.push('held') },
  ]);
  tell('held');
  tell('held');
  expect(heard).toEqual(['held', 'held']);
});
