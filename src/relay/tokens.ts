// The upstreams with what they log in with: their credentials, or the tokens of their OAuth accounts. What OAuth needs
// is loaded only where there is such an account.

import type { Config } from '../config/config.ts';
import type { OAuthParts } from '../oauth/sources.ts';
import type { Clock } from '../system/clock.ts';
import type { Random } from '../system/random.ts';
import { Trust } from '../upstream/trust.ts';
import type { TokenSource } from '../vocabulary/token-source.ts';
import type { UpstreamTarget } from '../vocabulary/upstream-target.ts';

type System = { readonly clock: Clock; readonly random: Random };

/**
 * What the accounts share. Their servers are verified by the public roots, whatever authority or key is given for the
 * upstream.
 */
export function oauthParts({ upstream, spool }: Config, { clock, random }: System): OAuthParts {
  const { bundle, folders } = upstream.trust;
  const trust = new Trust({ ca: undefined, pin: undefined, bundle, folders });
  return { clock, random, trust, seal: upstream.seal, folder: `${spool.dir}/oauth` };
}

/** The upstreams in order of preference, ready to connect to. */
export async function upstreamTargets(config: Config, system: System): Promise<readonly UpstreamTarget[]> {
  const { targets } = config.upstream;
  if (targets.every(({ oauth }) => oauth === undefined)) return targets;
  const { tokenSource } = await import('../oauth/sources.ts');
  const parts = oauthParts(config, system);
  const sources = new Map<string, TokenSource>(); // two ports of one account share its tokens
  return targets.map((target) => {
    const { oauth, host, port } = target;
    if (oauth === undefined) return target;
    const name = `${host.toLowerCase()} ${oauth.username}`;
    const tokens = sources.get(name) ?? tokenSource(oauth, parts);
    sources.set(name, tokens);
    return { ...target, credentials: { username: oauth.username, host, port, tokens } };
  });
}
