import { systemClock } from '../../src/system/clock.ts';
import { clockContract } from '../contracts/clock.ts';
import { fakeClock, fastClock } from '../support/fakes/clock.ts';

const wait = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

clockContract('the clock of the system', () => ({ clock: systemClock, pass: wait }));

clockContract('the clock that tests move', () => {
  const clock = fakeClock();
  return { clock, pass: (milliseconds) => clock.advance(milliseconds) };
});

const FACTOR = 2;
clockContract('the clock that runs faster', () => ({ clock: fastClock(FACTOR), pass: (milliseconds) => wait(milliseconds / FACTOR) }));
