// What a session may cost that brings no message: after some refusals each further one is delayed, and after many, or
// after many commands that lead nowhere, the session ends. A message that was accepted clears the account.

import type { Refusal } from '../smtp/reply.ts';
import { LIMITS } from './limits.ts';
import * as replies from './replies.ts';

/** The account of one session. */
export class Patience {
  #refusals = 0;
  #idle = 0;

  /** Counts a refusal; how long to wait before it is sent, in ms. */
  refused(): number {
    this.#refusals += 1;
    return Math.max(0, this.#refusals - LIMITS.softErrors) * LIMITS.errorDelay;
  }

  /** Counts a command that has brought no message nearer. */
  idled(): void {
    this.#idle += 1;
  }

  /** A message was accepted: the device may make as many mistakes again. */
  renew(): void {
    this.#refusals = 0;
    this.#idle = 0;
  }

  /** What the session is to end with, when it has cost enough. */
  get end(): Refusal | undefined {
    if (this.#refusals >= LIMITS.hardErrors) return replies.tooManyErrors;
    return this.#idle > LIMITS.idleCommands ? replies.tooManyCommands : undefined;
  }
}
