// What `check --connect` and `send-test` share: a real connection to an upstream, each step told as it is
// reached, and in the end the reply as it came with what can be done about it.

import type { Config } from '../config/parse.ts';
import { systemClock } from '../system/clock.ts';
import { systemRandom } from '../system/random.ts';
import { type Connection, connect } from '../upstream/connect.ts';
import { Trust } from '../upstream/trust.ts';
import type { Failure } from '../vocabulary/attempt.ts';
import { describeFailure } from '../vocabulary/attempt.ts';
import { formatEndpoint } from '../vocabulary/endpoint.ts';
import { EXIT } from './exit.ts';
import { print } from './print.ts';

/** A connection that is ready for MAIL; undefined, and the exit code set, when there is none. */
export async function tryToConnect(config: Config, target: Config['upstreams'][number]): Promise<Connection | undefined> {
  print(`${formatEndpoint(target)}:`);
  const made = await connect(
    target,
    {
      clock: systemClock,
      random: systemRandom,
      hostname: config.hostname,
      trust: new Trust(config.trust),
      memory: { session: undefined },
      step: (sentence) => print(`  ${sentence}`),
    },
    new AbortController().signal,
  );
  if (!('scope' in made)) return made;
  printFailure(made);
  process.exitCode = made.stage === 'auth' ? EXIT.noPermission : EXIT.unavailable;
  return undefined;
}

export function printFailure(failure: Failure): void {
  print(`  FAILED at ${failure.stage}: ${describeFailure(failure)}`);
  if (failure.advice !== undefined) print(`  ${failure.advice}`);
}
