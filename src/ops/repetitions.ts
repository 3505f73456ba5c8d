// Keeps what a device does over and over from filling the log, which lies on the flash card of many boards, too: the
// first of each kind is passed on at once, then one a minute with a count. Kinds are counted for each device, so that
// none can use up what is there for the others.

import type { Clock } from '../system/clock.ts';

// Kinds that are distinguished of one device; its further ones are one kind.
const MOST_KINDS = 16;
// Devices that are distinguished; all further ones are like one device, unless they are known.
const MOST_DEVICES = 256;
// Known devices that are remembered; beyond it, the one that was named longest ago is forgotten.
const MOST_KNOWN = 256;
const MINUTE = 60_000;

// Stands for all devices beyond the limit, and for all kinds beyond it.
const OTHER = '';

/** What came repeatedly: the device, and what distinguishes the kind from others of that device. */
export type Repeated = { readonly device: string; readonly kind: string };

type Kind<T> = { latest: T; count: number };

/** Counts what comes repeatedly. */
export class Repetitions<T> {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #report: (latest: T, count: number) => void;
  readonly #devices = new Map<string, Map<string, Kind<T>>>();
  readonly #known = new Set<string>(); // the one that was named last stands last

  /**
   * `report` is called at the end of a minute in which more of a kind came, with the latest and how many there were.
   */
  constructor(clock: Pick<Clock, 'after'>, report: (latest: T, count: number) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  /** The device has sent mail: it is counted by itself, however many strangers there are. */
  know(device: string): void {
    this.#known.delete(device);
    this.#known.add(device);
    const [oldest] = this.#known;
    if (oldest !== undefined && this.#known.size > MOST_KNOWN) this.#known.delete(oldest);
  }

  /** Whether it is the first of its kind, and to be reported at once; otherwise it is counted. */
  isFirst({ device, kind }: Repeated, one: T): boolean {
    const counted = this.#isCounted(device) ? device : OTHER;
    const kinds = this.#devices.get(counted) ?? new Map<string, Kind<T>>();
    this.#devices.set(counted, kinds);
    const name = kinds.has(kind) || kinds.size < MOST_KINDS ? kind : OTHER;
    const known = kinds.get(name);
    if (known !== undefined) {
      known.latest = one;
      known.count += 1;
      return false;
    }
    kinds.set(name, { latest: one, count: 0 });
    this.#wait(counted, name);
    return true;
  }

  /** Reports all that was counted and not reported yet. */
  flush(): void {
    for (const kinds of this.#devices.values()) for (const kind of kinds.values()) this.#reportKind(kind);
  }

  #isCounted(device: string): boolean {
    return this.#devices.has(device) || this.#devices.size < MOST_DEVICES || this.#known.has(device);
  }

  #wait(device: string, name: string): void {
    this.#clock.after(MINUTE, () => {
      const kinds = this.#devices.get(device);
      const kind = kinds?.get(name);
      if (kind !== undefined && this.#reportKind(kind)) return this.#wait(device, name);
      kinds?.delete(name);
      if (kinds?.size === 0) this.#devices.delete(device);
    });
  }

  #reportKind(kind: Kind<T>): boolean {
    if (kind.count === 0) return false;
    this.#report(kind.latest, kind.count);
    kind.count = 0;
    return true;
  }
}
