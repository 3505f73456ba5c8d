// What `check --connect` and `send-test` share: a real connection to an upstream. Each step is printed as it is
// reached, and a failure with the reply as it came and what can be done about it.

import type { Config } from '../config/config.ts';
import { ownSender } from '../relay/own-sender.ts';
import { upstreamTargets } from '../relay/tokens.ts';
import type { Mailbox } from '../smtp/address.ts';
import { systemClock } from '../system/clock.ts';
import { systemRandom } from '../system/random.ts';
import { Addresses } from '../upstream/addresses.ts';
import { type Connection, connect } from '../upstream/connect.ts';
import { FORGETFUL, Habits } from '../upstream/habits.ts';
import { Trust } from '../upstream/trust.ts';
import type { Failure } from '../vocabulary/attempt.ts';
import { describeFailure } from '../vocabulary/attempt.ts';
import { formatEndpoint } from '../vocabulary/endpoint.ts';
import type { UpstreamTarget } from '../vocabulary/upstream-target.ts';
import { EXIT } from './exit.ts';
import { print } from './print.ts';

// A delivery waits for minutes, as RFC 5321 asks for; nobody in front of a screen does. In ms.
const GREETING_WITHIN = 10_000;

/** The upstreams in order of preference. */
export const targetsOf = (config: Config): Promise<readonly UpstreamTarget[]> =>
  upstreamTargets(config, { clock: systemClock, random: systemRandom });

/**
 * A connection that is ready for MAIL. When there is none, prints why, sets the exit code (77 or 69) and gives
 * undefined.
 */
export async function tryToConnect(config: Config, target: UpstreamTarget): Promise<Connection | undefined> {
  print(`${formatEndpoint(target)}:`);
  const made = await connect(
    target,
    {
      clock: systemClock,
      random: systemRandom,
      hostname: config.relay.helloName,
      trust: new Trust(config.upstream.trust),
      memory: { session: undefined },
      addresses: new Addresses(target.host, systemClock),
      habits: new Habits(FORGETFUL),
      greetingWithin: GREETING_WITHIN,
      step: (sentence) => print(`  ${sentence}`),
    },
    new AbortController().signal,
  );
  if (!('scope' in made)) return made;
  printFailure(made);
  process.exitCode = made.stage === 'auth' ? EXIT.noPermission : EXIT.unavailable;
  return undefined;
}

/** Prints where it failed, why, and what can be done about it. */
export function printFailure(failure: Failure): void {
  print(`  FAILED at ${failure.stage}: ${describeFailure(failure)}`);
  if (failure.advice !== undefined) print(`  ${failure.advice}`);
}

/** GATEPOST_SENDER, or the account at the upstream, since providers accept mail from no other address. */
export function senderFor(config: Config, target: UpstreamTarget): Mailbox {
  return ownSender(config, [target], { utf8: true }) ?? { localPart: 'gatepost', domain: config.relay.hostname };
}
