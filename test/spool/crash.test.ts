// Random schedules with power cuts (test/support/schedules.ts). A failing one prints its seed. More of them:
// SPOOL_SCHEDULES=5000 npx vitest run test/spool/crash.test.ts

import { test } from 'vitest';
import { openSpool } from '../../src/spool/spool.ts';
import { runSchedule } from '../support/schedules.ts';

const SCHEDULES = Number(process.env['SPOOL_SCHEDULES'] ?? 300);

test(`${SCHEDULES} schedules of use, power cut, recovery, use, power cut ...`, { timeout: 3_000_000 }, async () => {
  const first = Number(process.env['SPOOL_SEED'] ?? 1);
  for (let seed = first; seed < first + SCHEDULES; seed++) {
    try {
      await runSchedule(seed, { open: openSpool });
    } catch (error) {
      throw new Error(`schedule failed: SPOOL_SEED=${seed} SPOOL_SCHEDULES=1 npx vitest run test/spool/crash.test.ts`, { cause: error });
    }
  }
});
