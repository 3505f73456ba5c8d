// The configuration in sentences, one function for each group of variables. Secrets are never shown.

import type { Config, ConfiguredUpstream } from '../config/config.ts';
import { formatMailbox } from '../smtp/address.ts';
import { cutIntoSegments, Space } from '../spool/space.ts';
import { formatEndpoint } from '../vocabulary/endpoint.ts';
import type { Allowed } from '../vocabulary/network.ts';
import type { Rate } from '../vocabulary/rate.ts';

/** Lines for people: what the relay will do with this configuration. */
export function explain(config: Config): readonly string[] {
  return [
    ...explainServer(config),
    ...explainRewriting(config.rewriting),
    ...explainUpstream(config),
    ...explainSpool(config),
    ...explainDelivery(config.delivery),
    'The configuration is right.',
  ];
}

/** Octets in MiB, with one digit behind the point where there is one to show. */
export const mebibytes = (octets: number): string => `${Number((octets / 2 ** 20).toFixed(1))} MiB`;

function explainServer({ server, relay }: Config): readonly string[] {
  const addresses = server.listen.map((one) => ('host' in one ? formatEndpoint(one) : 'a socket of systemd'));
  const users = server.deviceAuth === 'required' ? `: ${server.deviceUsers.map(({ name }) => name).join(', ')}` : '';
  return [
    `Devices reach this relay, ${relay.hostname}, at ${addresses.join(' and ')}`,
    `  from ${allowed(server.allow).join(', ')}`,
    `  with at most ${server.maxConnections} connections in all and ${server.maxConnectionsPerDevice} from one address`,
    `  ${AUTH[server.deviceAuth]}${users}`,
    `  ${startTls(server.deviceTls)}`,
    ...when(server.deviceRate, (rate) => `  sending at most ${perTime(rate)} from one address`),
    ...when(server.allowSenders, (senders) => `  from the senders ${senders.join(', ')} only`),
    ...when(server.allowRecipients, (recipients) => `  to the recipients ${recipients.join(', ')} only`),
  ];
}

const AUTH = {
  off: 'without logging in',
  any: 'logging in with whatever they like, or not at all',
  required: 'logging in as one of the users',
} as const;

function allowed({ networks, lan, gateway }: Allowed): readonly string[] {
  return [
    ...networks.map(({ address, prefix }) => `${address}/${prefix}`),
    ...(lan ? ['the networks that this board is in'] : []),
    gateway ? 'its router' : 'not its router',
  ];
}

function startTls({ startTls: offer, minimum, own }: Config['server']['deviceTls']): string {
  if (offer === 'off') return 'without STARTTLS';
  const certificate = own === undefined ? 'a certificate made here' : 'your own certificate';
  return `with STARTTLS ${offer === 'required' ? 'only' : 'if they like'}, TLS ${minimum} or newer, by ${certificate}`;
}

function explainRewriting({ sender, recipient, defaultDomain }: Config['rewriting']): readonly string[] {
  return [
    ...when(sender, (address) => `Every message is sent as ${formatMailbox(address)}`),
    ...when(recipient, (address) => `Every message goes to ${formatMailbox(address)}, whoever it was for`),
    ...when(defaultDomain, (domain) => `Addresses without a domain are completed with ${domain}`),
  ];
}

function explainUpstream({ upstream: { targets, trust, connections, rate }, relay }: Config): readonly string[] {
  return [
    ...targets.flatMap((target, at) => [
      `${destination(targets, at)} ${formatEndpoint(target)}, ${SECURITY[target.security]}`,
      `  ${login(target)}`,
      ...portRemark(target),
    ]),
    ...when(
      bareName(relay.helloName),
      (name) => `  (many providers refuse a name without a dot in EHLO, and GATEPOST_HOSTNAME is ${name})`,
    ),
    `  trusting ${trusted(trust)}`,
    `  over at most ${connections} connections${rate === undefined ? '' : `, ${perTime(rate)}`}`,
  ];
}

/** Whose mail goes to the target at this place, up to its name. */
function destination(targets: readonly ConfiguredUpstream[], at: number): string {
  const senders = targets[at]?.senders;
  if (senders !== undefined) return `Mail from ${senders.join(', ')} goes to`;
  if (targets.slice(0, at).some((one) => one.senders === undefined)) return '  or, while that is down, to';
  return targets.some((one) => one.senders !== undefined) ? 'Other mail goes to' : 'Mail goes to';
}

const SECURITY = { starttls: 'STARTTLS required', tls: 'TLS from the first byte', plain: 'without TLS' } as const;

const bareName = (name: string | undefined): string | undefined => (name?.includes('.') === false ? name : undefined);

/** What is likely a mistake: the two ways to begin TLS have a port each (RFC 8314, section 7.3; RFC 6409). */
function portRemark({ security, port }: ConfiguredUpstream): readonly string[] {
  if (security === 'starttls' && port === 465) return ['  (port 465 waits for TLS from the first byte: smtps:// is meant, perhaps)'];
  if (security === 'tls' && port === 587) return ['  (port 587 begins in the clear, with STARTTLS: smtp:// is meant, perhaps)'];
  return [];
}

function login({ credentials, oauth, auth }: ConfiguredUpstream): string {
  if (oauth !== undefined) return `logging in as ${oauth.username} with OAuth tokens${TOKENS_BY[oauth.grant.kind]}`;
  if (credentials === undefined || auth === 'none') return 'without logging in';
  const { username, password } = credentials;
  const remark = password === password.trim() ? '' : ', whose password begins or ends with a blank';
  return `logging in as ${username}${remark} (${auth === 'auto' ? 'the strongest mechanism offered' : auth.toUpperCase()})`;
}

const TOKENS_BY = {
  refresh: ' that "gatepost oauth login" gets the right to',
  'client-credentials': " in the application's own name",
  'service-account': ' of a service account',
  command: ' of GATEPOST_OAUTH_COMMAND',
} as const;

function trusted({ ca, pin }: Config['upstream']['trust']): string {
  if (pin !== undefined) return `only the server's key ${pin}`;
  return ca === undefined ? 'the built-in and system certificate authorities' : 'only the certificate authorities of GATEPOST_UPSTREAM_CA';
}

function explainSpool({ spool, server: { maxMessage, maxRecipients } }: Config): readonly string[] {
  const { size, count } = cutIntoSegments(spool.size);
  const largest = new Space(size, count).largestMessage;
  const sizes = `Messages of up to ${mebibytes(Math.min(maxMessage, largest))} to at most ${maxRecipients} recipients`;
  const line = `${sizes} are kept in ${spool.dir}, which may take ${mebibytes(spool.size)}`;
  if (largest >= maxMessage) return [line];
  const limit = `a spool of that size can hold ${mebibytes(largest)} at most`;
  return [line, `  (GATEPOST_MAX_MESSAGE is ${mebibytes(maxMessage)}, but ${limit})`];
}

function explainDelivery({ retry, expireAfter, warnAfter, bounceTo }: Config['delivery']): readonly string[] {
  const days = (expireAfter / 86_400_000).toFixed(1);
  return [
    `A deferred message is tried again after ${minutes(retry.min)}, then ever later, up to ${minutes(retry.max)}; it is given up after ${days} days`,
    ...when(warnAfter, (age) => `  its sender is told after ${minutes(age)} that it is late`),
    `Notifications of what was not delivered go to ${bounceTo === undefined ? 'the sender' : formatMailbox(bounceTo)}`,
  ];
}

/** The line for a value, if there is one. */
const when = <T>(value: T | undefined, line: (value: T) => string): readonly string[] => (value === undefined ? [] : [line(value)]);

const minutes = (milliseconds: number) => `${Number((milliseconds / 60_000).toFixed(1))} minutes`;
const perTime = ({ count, per }: Rate) => `${count} messages in ${per / 1000} s`;
