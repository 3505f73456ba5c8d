// Which SASL mechanism to use: the strongest that is offered, allowed by the configuration, and fit for
// the channel. Pure. What only encodes a password never leaves without TLS.

import { CLIENT_MECHANISMS, type ClientMechanism } from '../smtp/sasl/mechanisms.ts';
import type { AuthChoice } from '../vocabulary/upstream-target.ts';

/** The mechanism, or a sentence that says why there is none. */
export function chooseMechanism(
  choice: Exclude<AuthChoice, 'none'>,
  offered: ReadonlySet<string>,
  isEncrypted: boolean,
): ClientMechanism | string {
  if (!isEncrypted) return 'credentials are never sent without TLS';
  const allowed = choice === 'auto' ? CLIENT_MECHANISMS : CLIENT_MECHANISMS.filter((mechanism) => mechanism.name.toLowerCase() === choice);
  const found = allowed.find((mechanism) => offered.has(mechanism.name));
  if (found !== undefined) return found;
  const list = offered.size === 0 ? 'no AUTH at all' : `AUTH ${[...offered].join(' ')}`;
  return `the server offers ${list}; usable here: ${allowed.map((mechanism) => mechanism.name).join(', ')}`;
}
