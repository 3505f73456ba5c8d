// `gatepost check [--connect]`: the configuration, explained, and with --connect each upstream tried up to
// the login. Exit code 78 with a line a mistake when there is one, 77 when a login is refused, 69 when an
// upstream is not to be had.

import { parseArgs } from 'node:util';
import type { Config } from '../config/parse.ts';
import { formatMailbox } from '../smtp/address.ts';
import { createSpace, cutIntoSegments, largestMessage } from '../spool/space.ts';
import { quit } from '../upstream/dialogue.ts';
import { formatEndpoint } from '../vocabulary/endpoint.ts';
import { configFromEnvironment } from './environment.ts';
import { print } from './print.ts';
import { tryToConnect } from './try-upstream.ts';

export async function run(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...argv], options: { connect: { type: 'boolean' } } });
  const config = configFromEnvironment();
  if (config === undefined) return;
  for (const line of explain(config)) print(line);
  if (values.connect === true) for (const target of config.upstreams) await tryUpstream(config, target);
}

async function tryUpstream(config: Config, target: Config['upstreams'][number]): Promise<void> {
  const connection = await tryToConnect(config, target);
  if (connection === undefined) return;
  const { sizeLimit } = connection.capabilities;
  print(sizeLimit === undefined ? '  takes messages of any size' : `  takes messages of up to ${mebibytes(sizeLimit)}`);
  await quit(connection.wire);
  print('  all is well');
}

/** One line a fact, without secrets. */
function explain(config: Config): readonly string[] {
  const lines = [
    `Devices reach this relay, ${config.hostname}, at ${config.listen.map((one) => ('host' in one ? formatEndpoint(one) : 'a socket of systemd')).join(' and ')}`,
  ];
  lines.push(`  from ${allowed(config).join(', ')}`);
  lines.push(`  with at most ${config.maxConnections} connections in all and ${config.maxConnectionsPerDevice} from one address`);
  lines.push(
    `  ${AUTH[config.deviceAuth]}${config.deviceAuth === 'required' ? `: ${config.deviceUsers.map(({ name }) => name).join(', ')}` : ''}`,
  );
  lines.push(`  ${startTls(config)}`);
  if (config.deviceRate !== undefined)
    lines.push(`  sending at most ${config.deviceRate.count} messages in ${config.deviceRate.per / 1000} s from one address`);
  if (config.allowSenders !== undefined) lines.push(`  from the senders ${config.allowSenders.join(', ')} only`);
  if (config.allowRecipients !== undefined) lines.push(`  to the recipients ${config.allowRecipients.join(', ')} only`);
  const { sender, recipient, defaultDomain } = config.rewriting;
  if (sender !== undefined) lines.push(`Every message is sent as ${formatMailbox(sender)}`);
  if (recipient !== undefined) lines.push(`Every message goes to ${formatMailbox(recipient)}, whoever it was for`);
  if (defaultDomain !== undefined) lines.push(`Addresses without a domain are completed with ${defaultDomain}`);
  config.upstreams.forEach((upstream, at) => {
    lines.push(`${at === 0 ? 'Mail goes to' : '  or, while that is down, to'} ${formatEndpoint(upstream)}, ${SECURITY[upstream.security]}`);
    const { credentials } = upstream;
    lines.push(
      credentials === undefined || upstream.auth === 'none'
        ? '  without logging in'
        : `  logging in as ${credentials.username}${remarkOn(credentials.password)} (${upstream.auth === 'auto' ? 'the strongest mechanism offered' : upstream.auth.toUpperCase()})`,
    );
  });
  lines.push(`  trusting ${trust(config)}`);
  const { upstreamConnections: connections, upstreamRate: rate } = config;
  lines.push(`  over at most ${connections} connections${rate === undefined ? '' : `, ${rate.count} messages in ${rate.per / 1000} s`}`);
  const { size, count } = cutIntoSegments(config.spoolSize);
  const largest = largestMessage(createSpace(size, count).share);
  lines.push(
    `Messages of up to ${mebibytes(Math.min(config.maxMessage, largest))} to at most ${config.maxRecipients} recipients are kept in ${config.spoolDir}, which may take ${mebibytes(config.spoolSize)}`,
  );
  if (largest < config.maxMessage)
    lines.push(
      `  (GATEPOST_MAX_MESSAGE is ${mebibytes(config.maxMessage)}, but a spool of that size can hold ${mebibytes(largest)} at most)`,
    );
  lines.push(
    `A deferred message is tried again after ${minutes(config.retry.min)}, then ever later, up to ${minutes(config.retry.max)}; it is given up after ${(config.expireAfter / 86_400_000).toFixed(1)} days`,
  );
  if (config.warnAfter !== undefined) lines.push(`  its sender is told after ${minutes(config.warnAfter)} that it is late`);
  lines.push(
    `Notifications of what was not delivered go to ${config.bounceTo === undefined ? 'the sender' : formatMailbox(config.bounceTo)}`,
  );
  lines.push('The configuration is right.');
  return lines;
}

function allowed({ allow }: Config): readonly string[] {
  return [
    ...allow.networks.map(({ address, prefix }) => `${address}/${prefix}`),
    ...(allow.lan ? ['the networks that this board is in'] : []),
    allow.gateway ? 'its router' : 'not its router',
  ];
}

function startTls({ deviceTls: { startTls: offer, minimum, own } }: Config): string {
  if (offer === 'off') return 'without STARTTLS';
  const certificate = own === undefined ? 'a certificate made here' : 'your own certificate';
  return `with STARTTLS ${offer === 'required' ? 'only' : 'if they like'}, TLS ${minimum} or newer, by ${certificate}`;
}

const remarkOn = (password: string) => (password === password.trim() ? '' : ', whose password begins or ends with a blank');

const AUTH = {
  off: 'without logging in',
  any: 'logging in with whatever they like, or not at all',
  required: 'logging in as one of the users',
} as const;
const SECURITY = { starttls: 'STARTTLS required', tls: 'TLS from the first byte', plain: 'without TLS' } as const;

function trust({ trust: { ca, pin } }: Config): string {
  if (pin !== undefined) return `only the server's key ${pin}`;
  return ca === undefined ? 'the built-in and system certificate authorities' : 'only the certificate authorities of GATEPOST_UPSTREAM_CA';
}

const mebibytes = (octets: number) => `${Number((octets / 2 ** 20).toFixed(1))} MiB`;
const minutes = (milliseconds: number) => `${Number((milliseconds / 60_000).toFixed(1))} minutes`;
