// `gatepost oauth login|status|logout`: the accounts whose right to send the owner gives in a browser. The exit code is
// 77 when the right is refused, 69 when a server can't be asked.

import { parseArgs } from 'node:util';
import type { Config } from '../config/config.ts';
import { TokenFailed } from '../oauth/failure.ts';
import { onFlash } from '../oauth/refresh.ts';
import { type OAuthParts, openStore, serverOf } from '../oauth/sources.ts';
import { ask } from '../ops/control/client.ts';
import { oauthParts } from '../relay/tokens.ts';
import { systemClock } from '../system/clock.ts';
import { systemRandom } from '../system/random.ts';
import { quit } from '../upstream/dialogue.ts';
import type { OAuthAccount } from '../vocabulary/oauth-account.ts';
import { configFromEnvironment } from './environment.ts';
import { EXIT } from './exit.ts';
import { wrongUse } from './help-text.ts';
import { logIn, type RefreshAccount } from './oauth-login.ts';
import { isOAuthVerb } from './oauth-verbs.ts';
import { print } from './print.ts';
import { targetsOf, tryToConnect } from './try-upstream.ts';

/** Does what the first word says. */
export async function run(argv: readonly string[]): Promise<void> {
  const { positionals } = parseArgs({ args: [...argv], allowPositionals: true });
  const [verb = '', user, ...rest] = positionals;
  if (!isOAuthVerb(verb) || rest.length > 0 || (verb === 'status' && user !== undefined)) return wrongUse('oauth');
  const config = configFromEnvironment();
  if (config === undefined) return;
  const accounts = accountsOf(config);
  if (accounts.length === 0) return complain('no upstream logs in with OAuth tokens: see GATEPOST_OAUTH', EXIT.configuration);
  try {
    const parts = oauthParts(config, { clock: systemClock, random: systemRandom });
    if (verb === 'status') return await status(accounts, parts);
    const account = choose(accounts, user);
    if (typeof account === 'string') return complain(account, EXIT.usage);
    await (verb === 'login' ? login(config, account, parts) : logout(account, parts));
  } catch (error) {
    report(error);
  }
}

/** Each account once, whatever number of upstreams it is used at. */
function accountsOf(config: Config): readonly OAuthAccount[] {
  const named = config.upstream.targets.flatMap(({ oauth }) => (oauth === undefined ? [] : [[nameOf(oauth), oauth] as const]));
  return [...new Map(named).values()];
}

const nameOf = ({ username, host }: OAuthAccount) => `${username} at ${host}`;

const canLogIn = (account: OAuthAccount): account is RefreshAccount => account.grant.kind === 'refresh';

/** The account that is meant, or why it is not clear. */
function choose(accounts: readonly OAuthAccount[], user: string | undefined): RefreshAccount | string {
  const fit = accounts.filter(canLogIn).filter(({ username }) => user === undefined || username.toLowerCase() === user.toLowerCase());
  const [first, ...others] = fit;
  if (first !== undefined && others.length === 0) return first;
  if (first !== undefined) return `which account? ${fit.map(nameOf).join(', ')}`;
  return user === undefined
    ? `nobody needs to log in: the tokens of ${accounts.map(nameOf).join(', ')} are got without`
    : `there is no account ${user} that logs in`;
}

async function login(config: Config, account: RefreshAccount, parts: OAuthParts): Promise<void> {
  print(`Logging in as ${nameOf(account)}.`);
  const { store, exclusively } = await openStore(account, parts); // before the owner does anything in vain
  const granted = await logIn(account, parts);
  if (granted.refreshToken === undefined)
    return complain('the server gives no refresh token: the scope may need "offline_access", or the client another kind', EXIT.unavailable);
  const { refreshToken } = granted;
  await exclusively(() => onFlash(store.save({ refreshToken, since: systemClock.wall() })));
  print('The right to send is stored. Trying it:');
  await tryAccount(config, account);
  if (account.provider === 'google')
    print('Where the Google project is in "testing", this ends after 7 days: publish it ("in production") for a right that stays.');
  await ask(config.relay.controlSocket, 'retry', { ids: [] }).catch(() => {}); // no relay runs yet, or another user's
}

/** One real AUTH at each upstream of the account, over the token that the stored right gives. */
async function tryAccount(config: Config, { host, username }: OAuthAccount): Promise<void> {
  for (const target of await targetsOf(config)) {
    if (target.host !== host || target.credentials?.username !== username) continue;
    const connection = await tryToConnect(config, target);
    if (connection === undefined) continue;
    await quit(connection.wire);
    print('  all is well');
  }
}

async function status(accounts: readonly OAuthAccount[], parts: OAuthParts): Promise<void> {
  for (const account of accounts) print(`${nameOf(account)}: ${await stateOf(account, parts)}`);
}

async function stateOf(account: OAuthAccount, parts: OAuthParts): Promise<string> {
  if (!canLogIn(account)) return `tokens by ${account.grant.kind}, without a login`;
  try {
    const { store } = await openStore(account, parts);
    const stored = await onFlash(store.load());
    if (stored === undefined) return 'not logged in; gatepost oauth login';
    const sealed = parts.seal === undefined ? '' : ', sealed';
    return `logged in since ${new Date(stored.since).toISOString()} by the date of this board${sealed}`;
  } catch (error) {
    if (!(error instanceof TokenFailed)) throw error;
    return `${error.message}; ${error.failure.advice ?? ''}`;
  }
}

async function logout(account: RefreshAccount, parts: OAuthParts): Promise<void> {
  const { store, exclusively } = await openStore(account, parts);
  await exclusively(async () => {
    const stored = await store.load().catch(() => undefined); // what can't be read is forgotten all the same
    const revoked = stored === undefined ? 'not-stored' : await revoke(account, stored.refreshToken, parts);
    await onFlash(store.remove());
    print(`${nameOf(account)}: ${REVOKED[revoked]}`);
  });
}

const REVOKED = {
  revoked: 'logged out, and the right is revoked',
  'not-possible': "logged out here; the right itself can be taken back on the account's security page only",
  'not-stored': 'nobody was logged in',
} as const;

async function revoke(account: RefreshAccount, refreshToken: string, parts: OAuthParts): Promise<'revoked' | 'not-possible'> {
  try {
    return await serverOf(account.grant, parts).revoke(refreshToken);
  } catch (error) {
    if (!(error instanceof TokenFailed)) throw error;
    print(error.message);
    return 'not-possible';
  }
}

/** Says in a sentence what went wrong; a fault of the program itself is thrown on. */
function report(error: unknown): void {
  if (error instanceof TokenFailed) {
    const { cause, advice } = error.failure;
    complain(
      `${error.message}${advice === undefined ? '' : `\n  ${advice}`}`,
      cause === 'authorization-lost' ? EXIT.noPermission : EXIT.unavailable,
    );
  } else throw error;
}

function complain(problem: string, code: number): void {
  process.stderr.write(`gatepost: ${problem}\n`);
  process.exitCode = code;
}
