// The token source of an account, by the way that it is configured.

import type { Disk } from '../system/disk.ts';
import type { Random } from '../system/random.ts';
import type { OAuthAccount, OAuthClient, OAuthEndpoints } from '../vocabulary/oauth-account.ts';
import type { TokenSource } from '../vocabulary/token-source.ts';
import { obtainByCommand } from './command.ts';
import { AuthorizationServer } from './endpoint.ts';
import { exclusivelyIn } from './exclusive.ts';
import type { HttpsParts } from './https.ts';
import { openOwned } from './owner.ts';
import { type Exclusively, RefreshToken } from './refresh.ts';
import { type Obtain, RenewedToken } from './renewal.ts';
import { Seal } from './seal.ts';
import { obtainByStatement } from './service-account.ts';
import { AuthorizationStore } from './store.ts';

/** What all accounts of a board share. */
export type OAuthParts = HttpsParts & {
  readonly random: Random;
  readonly disk: Disk;
  readonly exclusively: Exclusively;
  /** GATEPOST_OAUTH_SEAL. */
  readonly seal: string | undefined;
};

/** The parts for a board; `folder` is for authorizations alone, and is made if it is missing. */
export async function openParts(folder: string, parts: Omit<OAuthParts, 'disk' | 'exclusively'>): Promise<OAuthParts> {
  const { disk, giveAway } = await openOwned(folder);
  return { ...parts, disk, exclusively: exclusivelyIn(folder, parts.clock, giveAway) };
}

/** Where the account's refresh token is kept. */
export function storeOf(account: OAuthAccount, { disk, seal, random }: OAuthParts): AuthorizationStore {
  return new AuthorizationStore({ disk, account, seal: seal === undefined ? undefined : new Seal(seal, random) });
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

function obtainFor(account: OAuthAccount, parts: OAuthParts): Obtain {
  const { grant, username } = account;
  const { clock } = parts;
  switch (grant.kind) {
    case 'refresh': {
      const refreshToken = new RefreshToken({
        store: storeOf(account, parts),
        server: serverOf(grant, parts),
        exclusively: parts.exclusively,
      });
      return () => refreshToken.obtain();
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
