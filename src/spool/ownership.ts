// Whose folder it is. A relay that finds that another one writes to its folder must not write there again: both would
// use the same files, and each would lose mail of the other. Two things show it: the lock of the folder, and the
// manifest, which names the run of the relay that wrote it (manifest.ts).

import type { Tell } from '../vocabulary/events.ts';

/** The lock of the folder. The real one is in system/lock.ts; a file system may have none. */
export interface Hold {
  /**
   * Whether this process has the folder; `renewed` when somebody removed the lock and it was made again. Never rejects.
   */
  look(): Promise<'held' | 'renewed' | 'lost'>;
}

/** Another relay has the folder. Nothing may be written there any more. */
export class Ousted extends Error {
  override readonly name = 'Ousted';
}

type OwnershipParts = {
  readonly tell: Tell;
  /** Undefined where the file system takes no lock. */
  readonly hold: Hold | undefined;
  /** Called once, with a sentence, when the folder is lost. */
  readonly lost: (problem: string) => void;
};

/** Knows whether the folder is still this relay's. Once lost it stays lost. */
export class Ownership {
  readonly #parts: OwnershipParts;
  #ousted: Ousted | undefined;

  /** The folder is this relay's until `check` or `lose` finds that it is not. */
  constructor(parts: OwnershipParts) {
    this.#parts = parts;
  }

  /** Why the folder is not this relay's any more; undefined while it is. */
  get ousted(): Ousted | undefined {
    return this.#ousted;
  }

  /** Looks at the lock. Rejects with Ousted. */
  async check(): Promise<void> {
    const { hold, tell } = this.#parts;
    if (this.#ousted !== undefined) throw this.#ousted;
    const found = (await hold?.look()) ?? 'held';
    if (found === 'lost') throw this.lose('its lock belongs to another relay');
    if (found === 'renewed') tell('fault', { where: 'lock of the spool', error: 'it was removed, and is made again' });
  }

  /** Something else shows that another relay writes here: `reason` is a clause. What is to be thrown. */
  lose(reason: string): Ousted {
    if (this.#ousted !== undefined) return this.#ousted;
    const ousted = new Ousted(`another relay uses the spool of this one: ${reason}`);
    this.#ousted = ousted;
    this.#parts.tell('fault', { where: 'spool', error: ousted.message });
    this.#parts.lost(ousted.message);
    return ousted;
  }
}
