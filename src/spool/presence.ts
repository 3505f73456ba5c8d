// Whether the files are still in the folder. Somebody may remove or replace them while the relay runs; it has them open
// and would go on with files that no later run finds. So it looks before each generation, and every few seconds while
// something is written; at the file that is being written it looks before anything in it is acknowledged.
//
// What is open can still be read: compaction copies what is needed of a file that is gone (compaction.ts).

import type { Clock, Monotonic } from '../system/clock.ts';
import type { SpoolDamage } from '../vocabulary/spool-status.ts';
import { MANIFEST, type Manifest } from './manifest.ts';
import type { Ownership } from './ownership.ts';
import type { Ring } from './ring.ts';
import type { Segment } from './segment.ts';

type PresenceParts = {
  readonly clock: Clock;
  readonly ring: Ring;
  readonly manifest: Manifest;
  readonly ownership: Ownership;
  /** Called with each loss. */
  readonly damaged: (damage: SpoolDamage) => void;
  /** Called when a segment in use is gone. */
  readonly gone: () => void;
};

// So long, in ms, a look at all files holds.
const HOLDS = 3_000;

/** Looks whether the files are there, and whether the folder is this relay's. It is called by the log alone. */
export class Presence {
  readonly #parts: PresenceParts;
  #last: Monotonic | undefined;

  /** Nothing is looked at before `inspect` is called. */
  constructor(parts: PresenceParts) {
    this.#parts = parts;
  }

  /** Whether it is time to look at all files again. */
  get isDue(): boolean {
    const { clock, ring } = this.#parts;
    return this.#last === undefined || clock.now() - this.#last >= HOLDS || ring.mustRelist;
  }

  /** From now on it is due. */
  expire(): void {
    this.#last = undefined;
  }

  /**
   * Looks at all files. Those that are gone are reported and put out of use, and the manifest is made again if it is
   * gone. Rejects with Ousted, or with what the disk says about the manifest.
   */
  async inspect(): Promise<void> {
    const { clock, ring, manifest, ownership, damaged, gone } = this.#parts;
    await ownership.check();
    this.#last = clock.now();
    const missing: Segment[] = [];
    for (const segment of ring.segments) if (!segment.isGone && !(await segment.isThere())) missing.push(segment);
    for (const segment of missing) segment.markGone();
    const names = missing.map(({ name }) => name).join(', ');
    if (missing.length > 0) damaged(loss(names, 'removed while the relay runs; what is needed of it is copied to another file'));
    const isManifestGone = await manifest.isGone();
    if (isManifestGone) {
      damaged(loss(MANIFEST, 'removed while the relay runs; it is made again'));
      await manifest.renew();
    }
    if (isManifestGone || ring.mustRelist) await ring.relist();
    if (ring.gone.length > 0) gone();
  }

  /**
   * What was synced in `segment` may be acknowledged when this resolves. Rejects if the segment is gone, and with
   * Ousted.
   */
  async vouch(segment: Segment): Promise<void> {
    const [isThere] = await Promise.all([segment.isThere(), this.#parts.ownership.check()]);
    if (isThere) return;
    await this.inspect();
    throw new Error(`segment ${segment.name} was removed while it was written`);
  }
}

const loss = (segment: string, problem: string): SpoolDamage => ({ segment, problem, lost: [], maybeLost: [] });
