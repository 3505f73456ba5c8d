// Tokens by a refresh token. Some servers give a new refresh token with each access token and take the old one for
// stolen when it is used again (RFC 9700, section 4.14): so the new one is on the flash before anything else happens,
// room for it is found before it is asked for, and one process at a time renews.

import { problemOf } from '../system/problem.ts';
import type { AuthorizationServer } from './endpoint.ts';
import { lost, TokenFailed, unavailable } from './failure.ts';
import type { Obtained } from './renewal.ts';
import type { Authorization, AuthorizationStore, Reservation } from './store.ts';

/** Does `work` while no other process renews or stores tokens; rejects with TokenFailed when that takes too long. */
export type Exclusively = <T>(work: () => Promise<T>) => Promise<T>;

type RefreshParts = {
  readonly store: AuthorizationStore;
  readonly server: Pick<AuthorizationServer, 'refresh'>;
  readonly exclusively: Exclusively;
  /** What is added to the advice when the right has ended. */
  readonly hint?: string | undefined;
};

/** A refresh token that came and could not be written; `replaces` is the one on the flash. */
type Unsaved = { readonly authorization: Authorization; readonly replaces: string };

/** One account's refresh token at work. */
export class RefreshToken {
  readonly #parts: RefreshParts;
  /** Whether the server gave a new refresh token the last time; before the first time it may. */
  #rotates = true;
  #unsaved: Unsaved | undefined;

  constructor(parts: RefreshParts) {
    this.#parts = parts;
  }

  /** Gets an access token. What is on the flash counts, since another process may have logged in meanwhile. */
  obtain(): Promise<Obtained> {
    return this.#parts.exclusively(async () => {
      const stored = await this.#authorization();
      const reserved = this.#rotates ? await onFlash(this.#parts.store.reserve()) : undefined;
      const granted = await this.#parts.server.refresh(stored.refreshToken).catch(async (error: unknown) => {
        await reserved?.abandon().catch(() => {}); // the next reservation removes what is left
        throw this.#hinted(error);
      });
      const { refreshToken = stored.refreshToken } = granted;
      await this.#keep(stored, refreshToken, reserved);
      return granted;
    });
  }

  #hinted(error: unknown): unknown {
    const { hint } = this.#parts;
    if (!(error instanceof TokenFailed) || error.code !== 'invalid_grant' || hint === undefined) return error;
    return lost(error.message, `${error.failure.advice}; ${hint}`);
  }

  async #authorization(): Promise<Authorization> {
    const stored = await onFlash(this.#parts.store.load());
    const unsaved = this.#unsaved;
    this.#unsaved = undefined;
    if (stored === undefined) throw lost('nobody has logged in for this account yet', 'log in: gatepost oauth login');
    if (unsaved?.replaces !== stored.refreshToken) return stored;
    await this.#write(unsaved, this.#parts.store.save(unsaved.authorization));
    return unsaved.authorization;
  }

  async #keep(stored: Authorization, refreshToken: string, reserved: Reservation | undefined): Promise<void> {
    this.#rotates = refreshToken !== stored.refreshToken;
    if (!this.#rotates) return await reserved?.abandon().catch(() => {});
    const authorization = { ...stored, refreshToken };
    const place = reserved ?? (await onFlash(this.#parts.store.reserve()));
    await this.#write({ authorization, replaces: stored.refreshToken }, place.commit(authorization));
  }

  /** A token that could not be written stays in memory, and is written before the next one is asked for. */
  async #write(unsaved: Unsaved, writing: Promise<void>): Promise<void> {
    this.#unsaved = unsaved;
    await onFlash(writing);
    this.#unsaved = undefined;
  }
}

/** `work`, an error of the disk turned into a TokenFailed. */
export async function onFlash<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof TokenFailed) throw error;
    throw unavailable(`the authorization can't be kept on the flash: ${problemOf(error)}`);
  }
}
