// What a Clock promises: run over the system's and over those of the tests, which differ in how time passes.

import { describe, expect, test } from 'vitest';
import { type Clock, later, sleep } from '../../src/system/clock.ts';

/** `pass`: lets so many ms of the clock pass, and what falls due run. */
export type PassingClock = { readonly clock: Clock; pass(milliseconds: number): Promise<void> };

const STEP = 40;

/** Lets time pass until that is so: a busy machine may need more of it than was asked for. */
async function until(isSo: () => boolean, pass: PassingClock['pass']): Promise<void> {
  while (!isSo()) await pass(STEP);
}

export function clockContract(name: string, setUp: () => PassingClock): void {
  describe(name, () => {
    test('both times go on, and never back', async () => {
      const { clock, pass } = setUp();
      const [now, wall] = [clock.now(), clock.wall()];
      await pass(STEP);
      // A timer of Node's may come a millisecond early, and the date has no fractions.
      expect(clock.now() - now).toBeGreaterThanOrEqual(STEP - 2);
      expect(clock.wall() - wall).toBeGreaterThanOrEqual(STEP - 2);
      expect(clock.wall()).toBeGreaterThan(Date.UTC(2026, 0));
    });

    test('what is asked for runs once, in its order and not before its time', async () => {
      const { clock, pass } = setUp();
      const start = clock.now();
      const ran: { readonly wanted: number; readonly after: number }[] = [];
      for (const wanted of [3 * STEP, STEP, 0, -1_000])
        clock.after(wanted, () => ran.push({ wanted: Math.max(0, wanted), after: clock.now() - start }));
      expect(ran).toEqual([]);
      await until(() => ran.length >= 4, pass);
      await pass(STEP);
      expect(ran.map(({ wanted }) => wanted)).toEqual([0, 0, STEP, 3 * STEP]);
      for (const { wanted, after } of ran) expect(after).toBeGreaterThanOrEqual(wanted - 2);
    });

    test('what is cancelled does not run; cancelled again, or too late, nothing happens', async () => {
      const { clock, pass } = setUp();
      let count = 0;
      const cancel = clock.after(STEP, () => {
        count += 1;
      });
      const tooLate = clock.after(0, () => {
        count += 10;
      });
      cancel();
      cancel();
      await pass(2 * STEP);
      tooLate();
      expect(count).toBe(10);
    });

    test('what runs may ask for more', async () => {
      const { clock, pass } = setUp();
      let count = 0;
      const again = () => {
        count += 1;
        if (count < 3) clock.after(1, again);
      };
      clock.after(1, again);
      await until(() => count >= 3, pass);
      await pass(STEP);
      expect(count).toBe(3);
    });

    test('a time longer than any timer is not taken for a short one', async () => {
      const { clock, pass } = setUp();
      let hasRun = false;
      const cancel = clock.after(Number.MAX_SAFE_INTEGER, () => {
        hasRun = true;
      });
      await pass(STEP);
      expect(hasRun).toBe(false);
      cancel();
    });

    test('sleep ends in time, or when it is stopped', async () => {
      const { clock, pass } = setUp();
      const stop = new AbortController();
      const woken: string[] = [];
      const short = sleep(clock, STEP).then(() => woken.push('short'));
      const stopped = sleep(clock, 1_000 * STEP, stop.signal).then(() => woken.push('stopped'));
      await until(() => woken.length > 0, pass);
      expect(woken).toEqual(['short']);
      stop.abort();
      await Promise.all([short, stopped]);
      await sleep(clock, 1_000 * STEP, stop.signal);
      expect(woken).toEqual(['short', 'stopped']);
    });

    test('later', () => {
      const { clock } = setUp();
      const now = clock.now();
      expect(later(now, 250) - now).toBeCloseTo(250);
    });
  });
}
