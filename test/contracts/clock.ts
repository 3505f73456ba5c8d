// What a Clock promises: run over the system's and over those of the tests, which differ in how time passes.

import { describe, expect, test } from 'vitest';
import { type Clock, later, sleep } from '../../src/system/clock.ts';

/** `pass`: lets so many ms of the clock pass, and what falls due run. */
export type PassingClock = { readonly clock: Clock; pass(milliseconds: number): Promise<void> };

// Ms. Long enough that a busy machine does not take one for the other.
const STEP = 40;

export function clockContract(name: string, setUp: () => PassingClock): void {
  describe(name, () => {
    test('both times go on, and never back', async () => {
      const { clock, pass } = setUp();
      const [now, wall] = [clock.now(), clock.wall()];
      await pass(STEP);
      // A timer of Node's may come a millisecond early.
      expect(clock.now() - now).toBeGreaterThanOrEqual(STEP - 1);
      expect(clock.wall() - wall).toBeGreaterThanOrEqual(STEP - 1);
      expect(clock.wall()).toBeGreaterThan(Date.UTC(2026, 0));
    });

    test('what is asked for runs once, in its order and not before its time', async () => {
      const { clock, pass } = setUp();
      const ran: string[] = [];
      clock.after(3 * STEP, () => ran.push('last'));
      clock.after(STEP, () => ran.push('second'));
      clock.after(0, () => ran.push('first'));
      clock.after(-1_000, () => ran.push('first'));
      expect(ran).toEqual([]);
      await pass(2 * STEP);
      expect(ran).toEqual(['first', 'first', 'second']);
      await pass(2 * STEP);
      expect(ran).toEqual(['first', 'first', 'second', 'last']);
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
      await pass(2 * STEP);
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
