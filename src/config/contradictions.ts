// Values that are right one by one and wrong together. A rule looks at all settings and gives a line for each mistake
// that it finds; a new rule is a function and its name in the list.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { parseMailbox } from '../smtp/address.ts';
import { TOKEN_CHOICES } from '../smtp/sasl/mechanisms.ts';
import { problemOf } from '../system/problem.ts';
import { upstreamsFor } from '../vocabulary/sender-route.ts';
import type { UpstreamUrl } from '../vocabulary/upstream-target.ts';
import { findAccounts } from './oauth.ts';
import type { Settings } from './settings.ts';
import type { Mistake } from './sources.ts';
import { PREFIX } from './variable.ts';

type Rule = (settings: Settings) => Mistake | readonly Mistake[] | undefined;

const USERNAME_AND_PASSWORD = `${PREFIX}UPSTREAM_USERNAME and ${PREFIX}UPSTREAM_PASSWORD`;

const halfOfTheCredentials: Rule = ({ upstream: { username, password }, oauth: { oauth } }) =>
  (username === undefined) !== (password === undefined) && (oauth === undefined || username === undefined)
    ? `${USERNAME_AND_PASSWORD}: one is given without the other; give both, or write them into ${PREFIX}UPSTREAM`
    : undefined;

/** A user and password beside the URLs are for one provider: no other provider may see them. */
const sharedCredentials: Rule = ({ upstream: { upstream, username } }) => {
  if (username === undefined) return undefined;
  const without = upstream.filter(({ credentials }) => credentials === undefined);
  const hosts = [...new Set(without.map(({ host }) => host.toLowerCase()))];
  if (hosts.length === 0)
    return `${USERNAME_AND_PASSWORD}: nobody uses them, since the URLs name users of their own; give one or the other`;
  if (hosts.length === 1) return undefined;
  return `${USERNAME_AND_PASSWORD}: ${hosts.join(' and ')} would both get them; write each one's own into ${PREFIX}UPSTREAM, for example smtp://me%40one.example:secret@${hosts[0]}`;
};

const unfitUpstreams: Rule = ({ upstream: { upstream, username, auth } }) =>
  upstream.flatMap((one) => {
    const hasCredentials = one.credentials !== undefined || username !== undefined;
    if (one.security === 'plain') return [...credentialsWithoutTls(one, hasCredentials && auth !== 'none'), ...publicWithoutTls(one)];
    if (hasCredentials || auth === 'auto' || auth === 'none') return [];
    return [`${PREFIX}UPSTREAM_AUTH: ${auth} needs a user and a password; for example ${PREFIX}UPSTREAM_USERNAME=alerts@example.org`];
  });

function credentialsWithoutTls(upstream: UpstreamUrl, logsIn: boolean): readonly Mistake[] {
  if (!logsIn) return [];
  return [
    `${PREFIX}UPSTREAM: ${shown(upstream)} is smtp+plain, and credentials never travel without TLS; use smtp:// or smtps://, or ${PREFIX}UPSTREAM_AUTH=none`,
  ];
}

/** Beside a user, what stands in the place of the host may be the end of a password that has an @ in it. */
const shown = ({ host, credentials }: UpstreamUrl) => (credentials === undefined || isIP(host) !== 0 ? host : 'a host');

function publicWithoutTls(upstream: UpstreamUrl): readonly Mistake[] {
  const { host } = upstream;
  const isLocalName = host === 'localhost' || !host.includes('.') || /\.(?:local|lan|home\.arpa|internal)$/i.test(host);
  if (isIP(host) !== 0 || isLocalName) return []; // an address is checked when it is connected to
  return [
    `${PREFIX}UPSTREAM: smtp+plain goes to loopback or private addresses only, and ${shown(upstream)} looks public; use smtp:// or smtps://`,
  ];
}

/** Of an address alone it is certain that it will be refused; a pattern may be for others. */
const sendersWithoutUpstream: Rule = ({ upstream: { upstream }, server: { allowSenders } }) =>
  (allowSenders ?? []).flatMap((sender) => {
    const address = sender.startsWith('@') || sender.includes('*') ? 'syntax' : parseMailbox(sender, { utf8: true });
    if (typeof address === 'string' || upstreamsFor(upstream, address).length > 0) return [];
    return [
      `${PREFIX}UPSTREAM: ${PREFIX}ALLOW_SENDERS has ${sender}, which is in no upstream's ?from=; add it to one, or give an upstream without ?from=`,
    ];
  });
const wrongAccounts: Rule = (settings) => findAccounts(settings).mistakes;

const mechanismForOthers: Rule = (settings) => {
  const { auth, upstream } = settings.upstream;
  if (auth === 'auto' || auth === 'none') return undefined;
  const { accounts } = findAccounts(settings);
  const isForTokens = TOKEN_CHOICES.includes(auth);
  if (isForTokens && accounts.size === 0) return `${PREFIX}UPSTREAM_AUTH: ${auth} needs tokens; see ${PREFIX}OAUTH`;
  if (!isForTokens && accounts.size === upstream.length)
    return `${PREFIX}UPSTREAM_AUTH: ${auth} takes no token of ${PREFIX}OAUTH; leave it out`;
  return undefined;
};

const authorityBesideAPin: Rule = ({ upstream: { ca, pin } }) =>
  ca !== undefined && pin !== undefined
    ? `${PREFIX}UPSTREAM_CA and ${PREFIX}UPSTREAM_PIN: a pinned key needs no authority; give one of them`
    : undefined;

const loginWithoutUsers: Rule = ({ server: { deviceAuth, deviceUsers } }) =>
  deviceAuth === 'required' && deviceUsers === undefined
    ? `${PREFIX}DEVICE_AUTH: required needs ${PREFIX}DEVICE_USERS; for example ${PREFIX}DEVICE_USERS=camera:secret`
    : undefined;

const usersWithoutLogin: Rule = ({ server: { deviceAuth, deviceUsers } }) =>
  deviceAuth !== 'required' && deviceUsers !== undefined
    ? `${PREFIX}DEVICE_USERS: nobody asks for them unless ${PREFIX}DEVICE_AUTH=required`
    : undefined;

const keyOfAnotherCertificate: Rule = ({ server: { deviceTlsCert: certificate, deviceTlsKey: key } }) => {
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate === undefined || key === undefined)
    return `${PREFIX}DEVICE_TLS_CERT and ${PREFIX}DEVICE_TLS_KEY: one is given without the other; give both, or none`;
  const problem = keyProblem(certificate, key);
  return problem === undefined ? undefined : `${PREFIX}DEVICE_TLS_KEY: ${problem}`;
};

/** Why the key does not belong to the certificate, both as PEM; undefined when it does. */
function keyProblem(certificate: string, key: string): string | undefined {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))
      ? undefined
      : `it is not the key of ${PREFIX}DEVICE_TLS_CERT`;
  } catch (error) {
    return `certificate or key can't be read: ${problemOf(error)}`;
  }
}

const tlsPortWithoutTls: Rule = ({ server: { deviceTls, listen } }) =>
  deviceTls === 'off' && listen.some(({ tls }) => tls)
    ? `${PREFIX}DEVICE_TLS: is off, but ${PREFIX}LISTEN has an smtps:// address; for example ${PREFIX}DEVICE_TLS=own`
    : undefined;

const warningTooLate: Rule = ({ delivery: { warnAfter, expireAfter } }) =>
  warnAfter !== undefined && warnAfter >= expireAfter
    ? `${PREFIX}WARN_AFTER: is not before ${PREFIX}EXPIRE_AFTER; for example ${PREFIX}WARN_AFTER=4h`
    : undefined;

const firstWaitLongerThanLast: Rule = ({ delivery: { retryMin, retryMax } }) =>
  retryMin > retryMax ? `${PREFIX}RETRY_MIN: is longer than ${PREFIX}RETRY_MAX; for example 1m and 30m` : undefined;

const RULES: readonly Rule[] = [
  halfOfTheCredentials,
  sharedCredentials,
  unfitUpstreams,
  sendersWithoutUpstream,
  wrongAccounts,
  mechanismForOthers,
  authorityBesideAPin,
  loginWithoutUsers,
  usersWithoutLogin,
  keyOfAnotherCertificate,
  tlsPortWithoutTls,
  warningTooLate,
  firstWaitLongerThanLast,
];

/** One line for each contradiction. */
export function findContradictions(settings: Settings): readonly Mistake[] {
  return RULES.flatMap((rule) => rule(settings) ?? []);
}
