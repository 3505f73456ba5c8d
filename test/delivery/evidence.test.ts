import { describe, expect, test } from 'vitest';
import { Evidence, moreTrouble } from '../../src/delivery/evidence.ts';
import type { Monotonic } from '../../src/system/clock.ts';
import type { QueueId } from '../../src/vocabulary/queue-id.ts';
import { refusal, upstreamFailure } from '../support/fakes/delivery.ts';

const A = 'A' as QueueId;
const B = 'B' as QueueId;
const saying = (text: string, code = 554) => refusal(code, { cause: 'unknown', reply: { code, lines: [text] } });

describe('shared', () => {
  test.each<[string, string, string, boolean]>([
    ['the same words', 'refused by rule', 'refused by rule', true],
    ['words with other digits', 'refused by rule 4711 (ref 1A)', 'refused by rule 815 (ref 2B)', true],
    ['other addresses', '<you@example.net> no', '<me@example.net> no', true],
    ['other ids', '5.7.26 no - v28si10398967pfi.10 - gsmtp', '5.7.26 no - a1b2 - gsmtp', true],
    ['other words', 'refused by rule', 'refused by law', false],
  ])('%s', (_name, one, other, isShared) => {
    const evidence = new Evidence();
    expect(evidence.isShared(A, saying(one))).toBe(false);
    expect(evidence.isShared(B, saying(other))).toBe(isShared);
  });

  test('not by one message alone, nor by another stage, nor once one was taken', () => {
    const evidence = new Evidence();
    evidence.isShared(A, saying('x'));
    expect(evidence.isShared(A, saying('x'))).toBe(false);
    expect(evidence.isShared(B, { ...saying('x'), stage: 'mail' })).toBe(false);
    expect(evidence.isShared(B, upstreamFailure('body'))).toBe(false);
    evidence.take();
    expect(evidence.isShared(B, saying('x'))).toBe(false);
    expect(evidence.taken).toBe(1);
  });

  test('by all, the first too, once a second has met it', () => {
    const evidence = new Evidence();
    evidence.isShared(A, saying('x'));
    evidence.isShared(B, saying('x'));
    expect(evidence.isShared(A, saying('x'))).toBe(true);
  });
});

test('trouble counts for one upstream, and begins anew once it is shared', () => {
  const now = { upstream: 'one', at: 5 as Monotonic, taken: 3, isShared: false };
  const once = moreTrouble(undefined, now);
  expect(once).toEqual({ upstream: 'one', since: 5, attempts: 1, takenBefore: 3 });
  expect(moreTrouble(once, { ...now, taken: 9 })).toEqual({ ...once, attempts: 2 });
  expect(moreTrouble(once, { ...now, upstream: 'two' })).toMatchObject({ upstream: 'two', attempts: 1 });
  expect(moreTrouble(once, { ...now, taken: 9, isShared: true })).toMatchObject({ attempts: 1, takenBefore: 9 });
});
