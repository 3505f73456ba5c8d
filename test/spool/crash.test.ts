// Random schedules with power cuts (test/support/spool/schedules.ts). Each run takes new seeds, which stand in the name of
// the test and in the failure; a seed that failed goes into seeds.txt and is run every time from then on. More of
// them, or the same again: SPOOL_SCHEDULES=5000 SPOOL_SEED=1 npx vitest run test/spool/crash.test.ts

import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openSpool } from '../../src/spool/spool.ts';
import { runSchedule } from '../support/spool/schedules.ts';

const SCHEDULES = Number(process.env['SPOOL_SCHEDULES'] ?? 300);
const FIRST = Number(process.env['SPOOL_SEED'] ?? randomInt(2 ** 31));

const CORPUS = readFileSync(new URL('seeds.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => /^\d/.test(line))
  .map((line) => Number.parseInt(line, 10));

async function run(seed: number): Promise<void> {
  try {
    await runSchedule(seed, { open: openSpool });
  } catch (error) {
    throw new Error(`schedule failed: SPOOL_SEED=${seed} SPOOL_SCHEDULES=1 npx vitest run test/spool/crash.test.ts`, { cause: error });
  }
}

test('the schedules that failed once', { timeout: 300_000 }, async () => {
  expect(CORPUS).toContain(6249);
  for (const seed of CORPUS) await run(seed);
});

// Logged at once, so that the seeds are known of a run that hangs or is killed, too.
console.log(`schedules: SPOOL_SEED=${FIRST} SPOOL_SCHEDULES=${SCHEDULES}`);

test(`${SCHEDULES} schedules of use, power cut, recovery, use, power cut ... from SPOOL_SEED=${FIRST} on`, {
  timeout: 36_000_000,
}, async () => {
  for (let seed = FIRST; seed < FIRST + SCHEDULES; seed++) await run(seed);
});
