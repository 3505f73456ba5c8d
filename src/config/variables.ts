// THE table of variables: name, kind, default, meaning, example. The parser, `gatepost config`, and the
// README's table are made from it. Names are without their prefix.

import { MECHANISM_CHOICES } from '../smtp/sasl/mechanisms.ts';
import { LOG_LEVELS } from '../vocabulary/log-level.ts';
import { PRIVATE_NETWORKS } from '../vocabulary/network.ts';
import * as kinds from './kinds.ts';

export const PREFIX = 'GATEPOST_';

export type Variable<T> = {
  readonly kind: kinds.Kind<T>;
  /** As it would be written; absent when the variable may stay unset. */
  readonly default?: string;
  /** How the default is shown where it is no fixed text. */
  readonly defaultShown?: string;
  readonly required?: true;
  /** One sentence or two, in Markdown. */
  readonly meaning: string;
  readonly example: string;
  /** Its value is shown nowhere. */
  readonly secret?: true;
};

const variable = <T, const V extends Variable<T>>(one: V & { readonly kind: kinds.Kind<T> }): V & { readonly kind: kinds.Kind<T> } => one;

export const VARIABLES = {
  UPSTREAM: variable({
    kind: kinds.upstreams,
    required: true,
    secret: true,
    meaning:
      'Where mail goes. `smtp://[user[:password]@]host[:587]` requires STARTTLS; `smtps://host[:465]` speaks TLS from the first byte; `smtp+plain://host[:25]` has no TLS and only goes to loopback or private addresses. Several, separated by commas, in order of preference.',
    example: 'smtp://alerts%40example.org:secret@smtp.example.org',
  }),
  UPSTREAM_USERNAME: variable({
    kind: kinds.text,
    defaultShown: 'from the URL',
    meaning: 'User name at the upstream.',
    example: 'alerts@example.org',
  }),
  UPSTREAM_PASSWORD: variable({
    kind: kinds.password,
    secret: true,
    defaultShown: 'from the URL',
    meaning:
      'Password at the upstream, taken as it is, blanks included. For an upstream whose URL names no user; several at different hosts need a user in each URL.',
    example: 'secret',
  }),
  UPSTREAM_AUTH: variable({
    kind: kinds.oneOf('auto', ...MECHANISM_CHOICES, 'none'),
    default: 'auto',
    meaning: `\`auto\` picks the strongest mechanism that the upstream offers, in this order: ${MECHANISM_CHOICES.map((name) => `\`${name}\``).join(', ')}; or one of them, or \`none\`.`,
    example: 'login',
  }),
  UPSTREAM_CA: variable({
    kind: kinds.certificates,
    defaultShown: 'built-in and system roots',
    meaning:
      "The upstream's certificate authority as a PEM bundle, in place of the known roots. Mostly given as `GATEPOST_UPSTREAM_CA_FILE`.",
    example: '-----BEGIN CERTIFICATE----- ...',
  }),
  UPSTREAM_PIN: variable({
    kind: kinds.pin,
    meaning: "Base64 SHA-256 of the upstream's public key (SPKI). With it, that key alone is trusted, whoever signed it.",
    example: '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
  }),
  UPSTREAM_CONNECTIONS: variable({ kind: kinds.count(1, 20), default: '2', meaning: 'Connections to the upstream at once.', example: '1' }),
  UPSTREAM_RATE: variable({
    kind: kinds.rate,
    meaning:
      'Messages that go to one upstream in a time, `s`, `m`, `h` or `d`. When the provider itself says "too much", the relay slows down without it.',
    example: '30/m',
  }),
  LISTEN: variable({
    kind: kinds.listenAddresses,
    default: '0.0.0.0:25,[::]:25',
    meaning:
      'Addresses and ports to listen on, separated by commas; `smtps://address:port` speaks TLS from the first byte. Sockets that systemd passes take its place.',
    example: '192.168.1.5:25,smtps://192.168.1.5:465',
  }),
  HOSTNAME: variable({
    kind: kinds.hostname,
    defaultShown: "the system's",
    meaning: 'Name in the greeting, in EHLO and in trace fields.',
    example: 'gate.example.org',
  }),
  ALLOW: variable({
    kind: kinds.allowed,
    default: PRIVATE_NETWORKS.join(','),
    meaning:
      'Networks whose devices may send. The default is loopback, link-local, private and unique-local addresses. The word `lan` adds the networks that this board is in itself, for devices with a global IPv6 address. The address of a default route (the router, the proxy of a container) is no device unless it is named, or the word `gateway` is: mail that the internet sends through it would be relayed.',
    example: '192.168.1.0/24,lan',
  }),
  DEVICE_AUTH: variable({
    kind: kinds.oneOf('off', 'any', 'required'),
    default: 'off',
    meaning:
      '`off`; `any` offers AUTH and accepts whatever a device sends, for devices that insist on logging in; `required` takes mail only from `DEVICE_USERS`.',
    example: 'any',
  }),
  DEVICE_USERS: variable({
    kind: kinds.deviceUsers,
    secret: true,
    meaning:
      'Lines of `user:password`; a password may be a hash made by `gatepost hash-password` (such a user can not log in with CRAM-MD5). Mostly given as `GATEPOST_DEVICE_USERS_FILE`.',
    example: 'camera:secret',
  }),
  DEVICE_TLS: variable({
    kind: kinds.oneOf('off', 'own', 'self-signed', 'required'),
    default: 'own',
    meaning:
      'Whether devices are offered STARTTLS. `own`: once there is a certificate of yours in `DEVICE_TLS_CERT`; `self-signed`: with one made here if there is none, for devices that insist on TLS and do not look at certificates; `required`: like that, and mail and logins are taken under TLS only; `off`: never. Many programs (nodemailer, PHPMailer, all in Go) use STARTTLS as soon as it is offered, and can not send when they do not trust the certificate.',
    example: 'self-signed',
  }),
  DEVICE_TLS_CERT: variable({
    kind: kinds.certificates,
    defaultShown: 'made when one is needed',
    meaning: 'Certificate for devices that can do TLS, as PEM, with its chain.',
    example: '-----BEGIN CERTIFICATE----- ...',
  }),
  DEVICE_TLS_KEY: variable({
    kind: kinds.privateKey,
    secret: true,
    defaultShown: 'made when one is needed',
    meaning: 'Private key of `DEVICE_TLS_CERT`, as PEM.',
    example: '-----BEGIN PRIVATE KEY----- ...',
  }),
  DEVICE_TLS_MIN: variable({
    kind: kinds.oneOf('1.0', '1.1', '1.2', '1.3'),
    default: '1.2',
    meaning: 'Oldest TLS version for devices; `1.0` and `1.1` also admit the weak ciphers of their time. The upstream is never affected.',
    example: '1.0',
  }),
  DEVICE_RATE: variable({
    kind: kinds.rate,
    meaning: 'Messages that one address may send in a time, `s`, `m`, `h` or `d`.',
    example: '30/m',
  }),
  SENDER: variable({
    kind: kinds.mailbox,
    meaning: "Rewrites every sender, in the envelope and in `From`; the device's own address stays visible as name and in `Reply-To`.",
    example: 'alerts@example.org',
  }),
  RECIPIENT: variable({
    kind: kinds.mailbox,
    meaning: 'Sends everything to this address, whoever it was for.',
    example: 'owner@example.org',
  }),
  DEFAULT_DOMAIN: variable({
    kind: kinds.hostname,
    meaning: 'Completes addresses without a domain, such as `root`.',
    example: 'example.org',
  }),
  ALLOW_SENDERS: variable({
    kind: kinds.addressPatterns,
    defaultShown: 'any',
    meaning: 'Senders that are taken: addresses, `@domain`, patterns with `*`, `<>` for mail without a sender, separated by commas.',
    example: '@example.org,ups-*@lan',
  }),
  ALLOW_RECIPIENTS: variable({
    kind: kinds.addressPatterns,
    defaultShown: 'any',
    meaning: 'Recipients that are taken, in the same way. Notifications, too, go to nobody else but `BOUNCE_TO` and `SENDER`.',
    example: 'owner@example.org',
  }),
  MAX_MESSAGE: variable({
    kind: kinds.size(1024),
    default: '25MiB',
    meaning: 'Largest message. Devices see the smallest of this, what the upstreams advertise, and what the spool can hold.',
    example: '10MiB',
  }),
  MAX_RECIPIENTS: variable({ kind: kinds.count(1, 1000), default: '100', meaning: 'Recipients a message.', example: '20' }),
  MAX_CONNECTIONS: variable({
    kind: kinds.count(1, 1000),
    default: '100',
    meaning: 'Connections from devices at once, in all.',
    example: '50',
  }),
  MAX_CONNECTIONS_PER_DEVICE: variable({
    kind: kinds.count(1, 1000),
    default: '10',
    meaning: 'Connections at once from one address.',
    example: '4',
  }),
  SPOOL_DIR: variable({
    kind: kinds.absolutePath,
    default: '/var/spool/gatepost',
    meaning: 'Folder for accepted messages.',
    example: '/data/gatepost',
  }),
  SPOOL_SIZE: variable({
    kind: kinds.size(8 * 2 ** 20),
    default: '64MiB',
    meaning: 'How much flash the spool may take.',
    example: '256MiB',
  }),
  RETRY_MIN: variable({
    kind: kinds.duration(1000),
    default: '1m',
    meaning: 'Wait before a deferred message is tried again, at first.',
    example: '30s',
  }),
  RETRY_MAX: variable({ kind: kinds.duration(1000), default: '30m', meaning: 'The same, at last.', example: '1h' }),
  EXPIRE_AFTER: variable({
    kind: kinds.duration(60_000),
    default: '5d',
    meaning: 'Age at which a deferred message is given up. Only time in which the relay ran counts.',
    example: '2d',
  }),
  WARN_AFTER: variable({
    kind: kinds.duration(60_000),
    defaultShown: 'off',
    meaning: 'Age at which the sender of a deferred message is told, once, that it is late.',
    example: '4h',
  }),
  BOUNCE_TO: variable({
    kind: kinds.mailbox,
    defaultShown: 'the sender',
    meaning: 'Where notifications go that a message was not delivered: a camera reads no mail.',
    example: 'owner@example.org',
  }),
  CONTROL_SOCKET: variable({
    kind: kinds.absolutePath,
    defaultShown: '`SPOOL_DIR/control.sock`',
    meaning: 'Unix socket that `gatepost status` and `gatepost queue` talk to.',
    example: '/run/gatepost/control.sock',
  }),
  ALIVE_FILE: variable({
    kind: kinds.absolutePath,
    meaning:
      'File whose content changes every 20 s as long as the relay does not hang, for a script that looks; it goes when the relay stops. In RAM, since flash wears. systemd needs none: see `WatchdogSec=` in the unit.',
    example: '/run/gatepost/alive',
  }),
  LOG_LEVEL: variable({
    kind: kinds.oneOf(...LOG_LEVELS),
    default: 'info',
    meaning: '`debug`, `info`, `warn` or `error`.',
    example: 'debug',
  }),
  LOG_FORMAT: variable({
    kind: kinds.oneOf('text', 'json'),
    default: 'text',
    meaning: '`text` (one logfmt line an event) or `json`.',
    example: 'json',
  }),
} as const;

export type VariableName = keyof typeof VARIABLES;

type Output<V> = V extends { readonly kind: kinds.Kind<infer T> }
  ? V extends { readonly required: true } | { readonly default: string }
    ? T
    : T | undefined
  : never;

/** The value of each variable. */
export type Values = { readonly [N in VariableName]: Output<(typeof VARIABLES)[N]> };
