// The accounts that log in with OAuth tokens: which upstreams they belong to, how each gets its tokens, and what of it
// makes no sense. Google's and Microsoft's addresses and scopes are known here. A value may be one for all, or entries
// `host=value` for upstreams of several providers.

import type { OAuthAccount, OAuthClient, OAuthEndpoints, OAuthGrant, OAuthProvider } from '../vocabulary/oauth-account.ts';
import type { UpstreamUrl } from '../vocabulary/upstream-target.ts';
import type { Settings } from './settings.ts';
import type { Mistake } from './sources.ts';
import { PREFIX } from './variable.ts';

type Own = Settings['oauth'];
/** The settings of one upstream: what is by host is read for it. */
type ForHost = Omit<Own, 'oauth'>;

/** Where each provider takes mail with tokens; the others are named by the owner. */
const HOSTS: Readonly<Record<string, RegExp>> = {
  google: /(?:^|\.)(?:gmail|google)\.com$/i,
  microsoft: /(?:^|\.)(?:office365|outlook|office)\.com$/i,
};

const GOOGLE: OAuthEndpoints = {
  token: 'https://oauth2.googleapis.com/token',
  authorization: 'https://accounts.google.com/o/oauth2/v2/auth',
  revocation: 'https://oauth2.googleapis.com/revoke',
};
const GOOGLE_SCOPE = 'https://mail.google.com/';
const MICROSOFT_SCOPE = 'https://outlook.office.com/SMTP.Send offline_access';
const MICROSOFT_APP_SCOPE = 'https://outlook.office365.com/.default';
/** Names that stand for many organisations, in none of which an application has rights of its own. */
const MANY_TENANTS = /^(?:common|organizations|consumers)$/i;

function microsoft(tenant: string): OAuthEndpoints {
  const base = `https://login.microsoftonline.com/${encodeURIComponent(tenant)}/oauth2/v2.0`;
  return { token: `${base}/token`, authorization: `${base}/authorize`, device: `${base}/devicecode` };
}

/** A grant, or what is missing for it. */
type Made = { readonly grant: OAuthGrant } | { readonly mistake: Mistake };

const missing = (name: string, why: string): Made => ({ mistake: `${PREFIX}OAUTH_${name}: is required${why}` });

function googleGrant({ key, clientId: id, clientSecret: secret, scope = GOOGLE_SCOPE }: ForHost): Made {
  if (key !== undefined) return { grant: { kind: 'service-account', key, endpoints: GOOGLE, scope } };
  if (id === undefined) return missing('CLIENT_ID', ` for Google; or a service account's key in ${PREFIX}OAUTH_KEY`);
  if (secret === undefined) return missing('CLIENT_SECRET', ' for Google, also for a client of the kind "desktop app"');
  return { grant: { kind: 'refresh', client: { id, secret, secretIn: 'body' }, endpoints: GOOGLE, scope } };
}

function microsoftGrant({ clientId: id, clientSecret: secret, tenant, scope }: ForHost): Made {
  if (id === undefined) return missing('CLIENT_ID', ' for Microsoft: the "Application (client) ID" of the registration');
  const client: OAuthClient = { id, secret, secretIn: 'body' };
  if (secret === undefined)
    return { grant: { kind: 'refresh', client, endpoints: microsoft(tenant ?? 'common'), scope: scope ?? MICROSOFT_SCOPE } };
  if (tenant === undefined || MANY_TENANTS.test(tenant))
    return missing('TENANT', ` beside ${PREFIX}OAUTH_CLIENT_SECRET: the "Directory (tenant) ID" of the organisation`);
  return { grant: { kind: 'client-credentials', client, endpoints: microsoft(tenant), scope: scope ?? MICROSOFT_APP_SCOPE } };
}

function genericGrant({ clientId: id, clientSecret: secret, tokenUrl: token, authUrl, deviceUrl, scope }: ForHost): Made {
  if (token === undefined) return missing('TOKEN_URL', ` with ${PREFIX}OAUTH=generic`);
  for (const [name, url] of Object.entries({ TOKEN_URL: token, AUTH_URL: authUrl, DEVICE_URL: deviceUrl }))
    if (url !== undefined && !isHttps(url))
      return {
        mistake: `${PREFIX}OAUTH_${name}: is no https address; for example ${PREFIX}OAUTH_${name}=https://login.example.org/oauth2`,
      };
  if (id === undefined) return missing('CLIENT_ID', ` with ${PREFIX}OAUTH=generic`);
  const endpoints = { token, authorization: authUrl, device: deviceUrl };
  const client: OAuthClient = { id, secret, secretIn: 'header' };
  if (authUrl !== undefined || deviceUrl !== undefined) return { grant: { kind: 'refresh', client, endpoints, scope } };
  if (secret === undefined) return missing('CLIENT_SECRET', `, or ${PREFIX}OAUTH_DEVICE_URL or ${PREFIX}OAUTH_AUTH_URL to log in at`);
  return { grant: { kind: 'client-credentials', client, endpoints, scope } };
}

const isHttps = (text: string) => URL.canParse(text) && new URL(text).protocol === 'https:';

const GRANTS: Readonly<Record<OAuthProvider, (own: ForHost) => Made>> = {
  google: googleGrant,
  microsoft: microsoftGrant,
  generic: genericGrant,
  command: ({ command }) =>
    command === undefined ? missing('COMMAND', ` with ${PREFIX}OAUTH=command`) : { grant: { kind: 'command', command } },
};

const isProvider = (word: string): word is OAuthProvider => Object.hasOwn(GRANTS, word);

/** The accounts by their upstreams, and the mistakes in the variables. */
export type OAuthAccounts = { readonly accounts: ReadonlyMap<UpstreamUrl, OAuthAccount>; readonly mistakes: readonly Mistake[] };

/** Finds the account of each upstream that logs in with tokens. */
export function findAccounts(settings: Settings): OAuthAccounts {
  const { oauth: own, upstream } = settings;
  const accounts = new Map<UpstreamUrl, OAuthAccount>();
  if (own.oauth === undefined) return { accounts, mistakes: withoutProvider(own) };
  const chosen = chooseUpstreams(own.oauth, upstream.upstream);
  if (typeof chosen === 'string') return { accounts, mistakes: [chosen] };
  const mistakes: Mistake[] = [];
  for (const { url, provider } of chosen) {
    const made = accountOf(url, provider, settings);
    if ('mistake' in made) mistakes.push(made.mistake);
    else accounts.set(url, made.account);
  }
  return { accounts, mistakes: [...new Set(mistakes)] };
}

function withoutProvider({ oauth: _, seal: __, ...others }: Own): readonly Mistake[] {
  const isGiven = Object.values(others).some((value) => value !== undefined);
  return isGiven ? [`${PREFIX}OAUTH: is not given, though others of its variables are; for example ${PREFIX}OAUTH=google`] : [];
}

type Chosen = { readonly url: UpstreamUrl; readonly provider: OAuthProvider };

/** A password in the URL speaks for itself: such an upstream takes no tokens. */
function chooseUpstreams(text: string, urls: readonly UpstreamUrl[]): readonly Chosen[] | Mistake {
  const hosts = hostsOf(urls);
  const found: Chosen[] = [];
  for (const url of urls.filter(({ credentials }) => (credentials?.password ?? '') === '')) {
    const word = valueFor(text, url.host, hosts)?.toLowerCase();
    if (word === undefined) continue;
    if (!isProvider(word)) return `${PREFIX}OAUTH: is none of ${Object.keys(GRANTS).join(', ')}; for example ${PREFIX}OAUTH=google`;
    const isNamed = isByHost(text, hosts) || hosts.size === 1;
    if (!isNamed && HOSTS[word] === undefined)
      return `${PREFIX}OAUTH: which upstream is it for? For example ${PREFIX}OAUTH=${url.host}=${word}`;
    if (isNamed || HOSTS[word]?.test(url.host) === true) found.push({ url, provider: word });
  }
  return found.length > 0
    ? found
    : `${PREFIX}OAUTH: no upstream takes its tokens: each is of another provider, or has a password in its URL`;
}

function accountOf(url: UpstreamUrl, provider: OAuthProvider, { upstream, oauth }: Settings) {
  const { host, credentials } = url;
  const username = credentials?.username ?? upstream.username;
  if (username === undefined)
    return { mistake: `${PREFIX}OAUTH: whose mailbox is it? For example ${PREFIX}UPSTREAM=smtp://alerts%40example.org@${host}` };
  if (credentials === undefined && upstream.password !== undefined)
    return { mistake: `${PREFIX}UPSTREAM_PASSWORD: with ${PREFIX}OAUTH there is no password for ${host}; give one of them` };
  if (upstream.auth === 'none') return { mistake: `${PREFIX}UPSTREAM_AUTH: none, but ${PREFIX}OAUTH logs in` };
  const made = GRANTS[provider](forHost(oauth, host, hostsOf(upstream.upstream)));
  return 'mistake' in made ? made : { account: { provider, host, username, grant: made.grant } satisfies OAuthAccount };
}

const hostsOf = (urls: readonly UpstreamUrl[]): ReadonlySet<string> => new Set(urls.map(({ host }) => host.toLowerCase()));

function forHost({ oauth: _, ...own }: Own, host: string, hosts: ReadonlySet<string>): ForHost {
  const { key, command, seal, ...byHost } = own;
  const read = Object.entries(byHost).map(([field, text]) => [field, valueFor(text, host, hosts)]);
  return { ...(Object.fromEntries(read) as typeof byHost), key, command, seal };
}

type Entry = { readonly host: string; readonly value: string };

const entriesOf = (text: string): readonly Entry[] =>
  text
    .split(/[,\n]/)
    .map((one) => one.trim())
    .filter((one) => one !== '')
    .map((one) => ({ host: one.slice(0, Math.max(0, one.indexOf('='))).toLowerCase(), value: one.slice(one.indexOf('=') + 1) }));

const isByHost = (text: string, hosts: ReadonlySet<string>) => entriesOf(text).every(({ host }) => hosts.has(host));

function valueFor(text: string | undefined, host: string, hosts: ReadonlySet<string>): string | undefined {
  if (text === undefined || !isByHost(text, hosts)) return text;
  return entriesOf(text).find((one) => one.host === host.toLowerCase())?.value;
}
