// The device authorization grant (RFC 8628): the board shows a code, the owner types it into a browser anywhere, and
// the board asks again and again whether that has happened.

import type { AuthorizationServer, DeviceCode, Granted } from './endpoint.ts';
import { TokenFailed, unavailable } from './failure.ts';

/** What a login by code needs. */
export type DeviceParts = {
  readonly server: Pick<AuthorizationServer, 'device' | 'deviceTokens'>;
  readonly scope: string | undefined;
  /** Shows the code and the address to the owner. */
  readonly show: (code: DeviceCode) => void;
  /** Resolves after so many ms. */
  readonly sleep: (milliseconds: number) => Promise<unknown>;
  /** Ms since some fixed moment. */
  readonly now: () => number;
};

// RFC 8628, section 3.5: how much longer a server that says `slow_down` wants to be left alone, in ms.
const SLOWER = 5_000;
// What a server may ask for, in ms: the owner waits in front of the terminal.
const INTERVAL = { min: 1_000, max: 60_000 };
const LONGEST_WAIT = 30 * 60_000;

/** Resolves once the owner has consented. Rejects with TokenFailed when that is refused, or takes too long. */
export async function loginByCode({ server, scope, show, sleep, now }: DeviceParts): Promise<Granted> {
  const code = await server.device(scope);
  show(code);
  const until = now() + Math.min(code.expiresIn, LONGEST_WAIT);
  let interval = Math.min(Math.max(code.interval, INTERVAL.min), INTERVAL.max);
  while (now() < until) {
    await sleep(interval);
    try {
      return await server.deviceTokens(code.deviceCode);
    } catch (error) {
      if (!(error instanceof TokenFailed)) throw error;
      if (error.code === 'slow_down') interval += SLOWER;
      else if (!isToBeRepeated(error)) throw error;
    }
  }
  throw unavailable('nobody has typed the code in time; "gatepost oauth login" gives a new one');
}

/** Nothing has been decided yet, or the server could not be asked just now. */
const isToBeRepeated = ({ code, failure }: TokenFailed) =>
  code === 'authorization_pending' || (code === undefined && failure.cause === 'plain');
