// The spool's facts, while it runs: what it knows beside its messages. Each new header holds them, and a `facts` frame
// when they change in between.

import { isDeepStrictEqual } from 'node:util';
import type { Clock, WallTime } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import type { Offers } from '../vocabulary/offers.ts';
import type { FlashMeter } from './flash.ts';
import type { Frame } from './frame.ts';
import { encodeRecord, type Facts } from './records.ts';
import type { RunningTime } from './running.ts';

type SpoolFactsParts = {
  readonly clock: Clock;
  readonly random: Random;
  readonly running: RunningTime;
  readonly flash: FlashMeter;
  /** As recovery found them; undefined in a new spool. */
  readonly before: Facts | undefined;
  /** The highest message number that may have been used, whatever `before` says. */
  readonly highestNumber: number;
  /** The latest date that recovery found, in ms since 1970; 0 for none. */
  readonly newest: number;
};

/** Owns the facts: the numbers that were given, the running time that was carried, what was learned. */
export class SpoolFacts {
  /** Tells this spool from all others: eight hexadecimal digits. */
  readonly instance: string;
  readonly #parts: SpoolFactsParts;
  #nextNumber: number;
  #upstream: Offers | undefined;

  /** Goes on from the facts that recovery found, or begins those of a new spool. */
  constructor(parts: SpoolFactsParts) {
    const { before, random, highestNumber } = parts;
    this.#parts = parts;
    this.instance = before?.instance ?? random.bytes(4).toString('hex');
    this.#nextNumber = Math.max(before?.nextNumber ?? firstNumber(random), highestNumber + 1);
    this.#upstream = before?.upstream;
  }

  /** The latest date that was ever seen here. */
  get newest(): WallTime {
    const { clock, newest } = this.#parts;
    return Math.max(newest, clock.wall()) as WallTime;
  }

  /** What the upstreams offer, as last learned. */
  get upstream(): Offers | undefined {
    return this.#upstream;
  }

  /** Learns what the upstreams offer; whether that is a change. */
  learnUpstream(offers: Offers): boolean {
    if (isDeepStrictEqual(offers, this.#upstream)) return false;
    this.#upstream = offers;
    return true;
  }

  /** A message number that was never used. */
  takeNumber(): number {
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    return number;
  }

  /** The facts as of now, to be written at once: they carry the running time. */
  current(): Facts {
    return {
      instance: this.instance,
      nextNumber: this.#nextNumber,
      running: this.#parts.running.carry(),
      flash: this.#parts.flash.facts(),
      newest: this.newest,
      ...(this.#upstream === undefined ? {} : { upstream: this.#upstream }),
    };
  }

  /** The same as a frame, to be appended at once. */
  frame(): Frame {
    return { kind: 'facts', number: 0, position: 0, payload: [encodeRecord(this.current())] };
  }
}

/** Numbers start at a random place, so that the ids of a spool that was wiped do not repeat those in old logs. */
function firstNumber(random: Random): number {
  return 2 ** 30 + (random.bytes(4).readUInt32LE() % 2 ** 30);
}
