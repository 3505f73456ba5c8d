// The token source of an account, by the way that it is configured.

import { codeOf } from '../system/problem.ts';
import type { Random } from '../system/random.ts';
import type { OAuthAccount, OAuthClient, OAuthEndpoints, OAuthProvider } from '../vocabulary/oauth-account.ts';
import type { TokenSource } from '../vocabulary/token-source.ts';
import { obtainByCommand } from './command.ts';
import { AuthorizationServer } from './endpoint.ts';
import { exclusivelyIn } from './exclusive.ts';
import { unavailable } from './failure.ts';
import type { HttpsParts } from './https.ts';
import { openOwned } from './owner.ts';
import { type Exclusively, onFlash, RefreshToken } from './refresh.ts';
import { type Obtain, RenewedToken } from './renewal.ts';
import { Seal } from './seal.ts';
import { obtainByStatement } from './service-account.ts';
import { AuthorizationStore } from './store.ts';

/** What all accounts of a board share. */
export type OAuthParts = HttpsParts & {
  readonly random: Random;
  /** A folder for authorizations alone; it is made if it is missing, but not the one that it is in. */
  readonly folder: string;
  /** GATEPOST_OAUTH_SEAL. */
  readonly seal: string | undefined;
};

/** Where one account's refresh token is kept, and how processes take turns with it. */
type OpenStore = { readonly store: AuthorizationStore; readonly exclusively: Exclusively };

/** Opens the account's store. Rejects with TokenFailed when the folder can't be used. */
export async function openStore(account: OAuthAccount, { folder, clock, seal, random }: OAuthParts): Promise<OpenStore> {
  const opening = openOwned(folder).catch((error: unknown) => {
    throw codeOf(error) === 'ENOENT' ? unavailable('there is no spool directory yet: start the relay once') : error;
  });
  const { disk, giveAway } = await onFlash(opening);
  return {
    store: new AuthorizationStore({ disk, account, seal: seal === undefined ? undefined : new Seal(seal, random) }),
    exclusively: exclusivelyIn(folder, clock, giveAway),
  };
}

/** The authorization server of a grant that has one. */
export function serverOf(
  grant: { readonly client: OAuthClient; readonly endpoints: OAuthEndpoints },
  parts: HttpsParts,
): AuthorizationServer {
  return new AuthorizationServer(grant.client, grant.endpoints, parts);
}

/** The account's tokens. */
export function tokenSource(account: OAuthAccount, parts: OAuthParts): TokenSource {
  return new RenewedToken(parts.clock, obtainFor(account, parts));
}

// The client of a service account is not asked for: the statement says who it is.
const NO_CLIENT: OAuthClient = { id: 'none', secret: undefined, secretIn: 'body' };

/** What often ends a right at this provider. */
const HINTS: Readonly<Partial<Record<OAuthProvider, string>>> = {
  google: 'where the Google project is in "testing" it ends after 7 days: publish it',
};

function obtainFor(account: OAuthAccount, parts: OAuthParts): Obtain {
  const { grant, username } = account;
  const { clock } = parts;
  switch (grant.kind) {
    case 'refresh': {
      const server = serverOf(grant, parts);
      let refreshToken: RefreshToken | undefined;
      return async () => {
        refreshToken ??= new RefreshToken({ ...(await openStore(account, parts)), server, hint: HINTS[account.provider] });
        return await refreshToken.obtain();
      };
    }
    case 'client-credentials': {
      const server = serverOf(grant, parts);
      return () => server.clientCredentials(grant.scope);
    }
    case 'service-account': {
      const { key, scope, endpoints } = grant;
      const server = serverOf({ client: NO_CLIENT, endpoints }, parts);
      return () => obtainByStatement({ key, scope, subject: username, audience: endpoints.token }, { server, clock });
    }
    case 'command':
      return () => obtainByCommand(grant.command, account, clock);
    default:
      return grant satisfies never;
  }
}
