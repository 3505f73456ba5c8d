// What is learned of an upstream, how it is said, and when it is forgotten.

import { describe, expect, test } from 'vitest';
import { NO_CAPABILITIES } from '../../src/upstream/capabilities.ts';
import { type Extension, Habits, type LearnedHabits } from '../../src/upstream/habits.ts';
import { HabitsFile } from '../../src/upstream/habits-file.ts';
import type { Attempt, Stage } from '../../src/vocabulary/attempt.ts';
import { powerLosingDisk } from '../support/fakes/disk.ts';

const DAY = 24 * 3_600_000;
const ALL = { ...NO_CAPABILITIES, pipelining: true, chunking: true, eightBitMime: true, smtpUtf8: true, dsn: true, size: true };

function setUp(before: LearnedHabits = {}) {
  const said: string[] = [];
  const kept: LearnedHabits[] = [];
  const time = { running: 0 };
  const habits = new Habits({
    before,
    running: () => time.running,
    keep: (learned) => void kept.push(learned),
    say: (sentence) => void said.push(sentence),
  });
  return { habits, said, kept, time };
}

const lostAt = (stage: Stage, reply?: { code: number; lines: [string] }): Attempt => ({
  result: 'no-answer',
  maybeDelivered: false,
  failure: { scope: 'upstream', stage, cause: 'plain', problem: 'lost', ...(reply === undefined ? {} : { reply }) },
});
const used = (...extensions: Extension[]) => new Set(extensions);
const ANSWERED: Attempt = {
  result: 'answered',
  notifies: false,
  outcomes: [{ outcome: 'delivered', reply: { code: 250, lines: ['ok'] } }],
};

describe('two losses at the same place', () => {
  test('in the message: CHUNKING is given up, once, and said', () => {
    const { habits, said, kept } = setUp();
    habits.observe(lostAt('body'), used('CHUNKING', 'PIPELINING'));
    expect(habits.restrict(ALL).chunking).toBe(true);
    habits.observe(lostAt('end-of-data'), used('CHUNKING', 'PIPELINING'));
    expect(habits.restrict(ALL)).toMatchObject({ chunking: false, pipelining: true });
    expect(said).toEqual([expect.stringContaining('CHUNKING')]);
    expect(kept).toEqual([{ CHUNKING: 0 }]);
  });

  test('at the envelope: PIPELINING, then what else was in use', () => {
    const { habits } = setUp();
    const suspects: Extension[] = ['PIPELINING', '8BITMIME', 'DSN'];
    for (const [at, extension] of suspects.entries()) {
      const left = suspects.slice(at);
      habits.observe(lostAt('mail'), used(...left));
      habits.observe(lostAt('rcpt'), used(...left));
      expect(setOf(habits), extension).not.toContain(extension);
    }
  });

  test('not with an answer in between, and not where the server says why', () => {
    const { habits, said } = setUp();
    habits.observe(lostAt('mail'), used('PIPELINING'));
    habits.observe(ANSWERED, used('PIPELINING'));
    habits.observe(lostAt('mail'), used('PIPELINING'));
    for (let times = 0; times < 3; times++)
      habits.observe(lostAt('mail', { code: 421, lines: ['4.3.2 Service shutting down'] }), used('PIPELINING'));
    for (const stage of ['connect', 'greeting', 'auth'] as const)
      for (let times = 0; times < 3; times++) habits.observe(lostAt(stage), used('PIPELINING'));
    expect(said).toEqual([]);
  });

  test('a server that waits for what it threw away', () => {
    const { habits } = setUp();
    for (let times = 0; times < 2; times++)
      habits.observe(lostAt('rcpt', { code: 421, lines: ['4.4.2 Error: timeout exceeded'] }), used('PIPELINING'));
    expect(habits.restrict(ALL).pipelining).toBe(false);
  });
});

const setOf = (habits: Habits): string[] => {
  const { pipelining, eightBitMime, dsn } = habits.restrict(ALL);
  return [...(pipelining ? ['PIPELINING'] : []), ...(eightBitMime ? ['8BITMIME'] : []), ...(dsn ? ['DSN'] : [])];
};

describe('mechanisms', () => {
  const BOTH = [{ name: 'CRAM-MD5' }, { name: 'PLAIN' }];
  const names = (habits: Habits) => habits.inOrder(BOTH).map(({ name }) => name);

  test('one that failed stands last, and is broken once another works', () => {
    const { habits, said, kept } = setUp();
    habits.mechanismFailed('CRAM-MD5');
    expect(names(habits)).toEqual(['PLAIN', 'CRAM-MD5']);
    expect(said).toEqual([]);
    habits.mechanismWorked('PLAIN');
    expect(said).toEqual([expect.stringContaining('AUTH CRAM-MD5')]);
    expect(kept).toEqual([{ 'AUTH CRAM-MD5': 0 }]);
    expect(names(habits)).toEqual(['PLAIN', 'CRAM-MD5']);
  });

  test('when all failed, the password is as likely to be wrong: nothing is learned', () => {
    const { habits, kept } = setUp();
    for (const name of ['CRAM-MD5', 'PLAIN', 'CRAM-MD5']) habits.mechanismFailed(name);
    expect(kept).toEqual([]);
    expect(names(habits)).toEqual(['PLAIN', 'CRAM-MD5']);
  });
});

test('what was learned is known after a restart, for thirty days of running time', () => {
  const { habits, time } = setUp({ PIPELINING: 5, 'one-connection': 5 });
  expect(habits.restrict(ALL).pipelining).toBe(false);
  expect(habits.isSingle).toBe(true);
  time.running = 5 + 30 * DAY;
  expect(habits.restrict(ALL).pipelining).toBe(true);
  expect(habits.isSingle).toBe(false);
});

describe('the file', () => {
  const fault = (error: unknown) => {
    throw error;
  };
  test('keeps what was learned of each upstream', async () => {
    const disk = powerLosingDisk();
    const file = await HabitsFile.open(disk, fault);
    expect(file.of('up.example:587')).toEqual({});
    file.keep('up.example:587', { CHUNKING: 5 });
    file.keep('other.example:465', { 'AUTH CRAM-MD5': 7 });
    file.keep('up.example:587', { CHUNKING: 5, PIPELINING: 9 });
    await file.close();
    const again = await HabitsFile.open(disk, fault);
    expect(again.of('up.example:587')).toEqual({ CHUNKING: 5, PIPELINING: 9 });
    expect(again.of('other.example:465')).toEqual({ 'AUTH CRAM-MD5': 7 });
  });

  test.each(['', '{', '[]', '{"up.example:587":{"CHUNKING":"x"}}'])('that says %j is as good as none', async (content) => {
    const file = await HabitsFile.open(powerLosingDisk(new Map([['upstreams.json', Buffer.from(content)]])), fault);
    expect(file.of('up.example:587')).toEqual({});
  });
});
