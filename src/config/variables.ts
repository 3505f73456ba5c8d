// THE table of variables, grouped by the part of the relay that uses them. The parser, the types of `Config`, `gatepost
// config`, the README's tables and the boards' environment file are made from it. Names are without their prefix.

import { PASSWORD_CHOICES, TOKEN_CHOICES } from '../smtp/sasl/mechanisms.ts';
import { LOG_LEVELS } from '../vocabulary/log-level.ts';
import { PRIVATE_NETWORKS } from '../vocabulary/network.ts';
import * as kinds from './kinds.ts';
import { variable } from './variable.ts';

const quoted = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(', ');

/**
 * For each group its heading and its rows. A field of `Config` is named after its group and its row; see settings.ts.
 */
export const GROUPS = {
  upstream: {
    heading: 'The upstream',
    variables: {
      UPSTREAM: variable({
        kind: kinds.upstreams,
        required: true,
        meaning:
          'Where mail goes. `smtp://[user[:password]@]host[:587]` requires STARTTLS; `smtps://host[:465]` speaks TLS from the first byte; `smtp+plain://host[:25]` has no TLS and only goes to loopback or private addresses. Several, separated by commas, in order of preference. `?from=@example.org,cam@lan` behind one: it is for these senders alone (patterns as in `ALLOW_SENDERS`; the address that the device gives, before `SENDER`), which go to no other; the rest goes to those without.',
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
        defaultShown: 'from the URL',
        meaning:
          'Password at the upstream, taken as it is, blanks included. For an upstream whose URL names no user; several at different hosts need a user in each URL.',
        example: 'secret',
      }),
      UPSTREAM_AUTH: variable({
        kind: kinds.oneOf('auto', ...PASSWORD_CHOICES, ...TOKEN_CHOICES, 'none'),
        default: 'auto',
        meaning: `\`auto\` picks the strongest mechanism that the upstream offers, in this order: ${quoted(PASSWORD_CHOICES)}; with \`GATEPOST_OAUTH\` ${quoted(TOKEN_CHOICES)}. Otherwise one of them, or \`none\`.`,
        example: 'login',
      }),
      UPSTREAM_CA: variable({
        kind: kinds.certificates,
        defaultShown: 'built-in and system roots',
        meaning:
          "The upstream's certificate authorities as a PEM bundle, instead of the known roots. Usually given as `GATEPOST_UPSTREAM_CA_FILE`.",
        example: '-----BEGIN CERTIFICATE----- ...',
      }),
      UPSTREAM_PIN: variable({
        kind: kinds.pin,
        meaning: "Base64 SHA-256 of the upstream's public key (SPKI). If given, that key alone is trusted, whoever signed it.",
        example: '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
      }),
      UPSTREAM_CONNECTIONS: variable({
        kind: kinds.count(1, 20),
        default: '2',
        meaning: 'Most connections to the upstreams at once.',
        example: '1',
      }),
      UPSTREAM_RATE: variable({
        kind: kinds.rate,
        meaning:
          'Most messages that go to one upstream per second, minute, hour or day: `s`, `m`, `h` or `d`. When the provider itself asks for less, the relay slows down without it.',
        example: '30/m',
      }),
    },
  },
  oauth: {
    heading: 'OAuth at the upstream',
    variables: {
      OAUTH: variable({
        kind: kinds.text,
        meaning:
          'Logs in with OAuth tokens in place of a password. `google` and `microsoft` know their addresses and scopes; `generic` is any other server; `command` takes tokens from `GATEPOST_OAUTH_COMMAND`. The mailbox is the user in the URL of the upstream. With upstreams of several providers, this and the others below may be entries `host=value`, separated by commas or line ends: `smtp.gmail.com=google,smtp.office365.com=microsoft`.',
        example: 'google',
      }),
      OAUTH_CLIENT_ID: variable({
        kind: kinds.text,
        meaning: 'ID of the client that you have registered with the provider.',
        example: '1234.apps.googleusercontent.com',
      }),
      OAUTH_CLIENT_SECRET: variable({
        kind: kinds.password,
        meaning:
          'Secret of the client. Without it, Microsoft wants `gatepost oauth login`; with it, the application sends in its own name (`SMTP.SendAsApp`).',
        example: 'secret',
      }),
      OAUTH_TENANT: variable({
        kind: kinds.text,
        defaultShown: '`common`',
        meaning: "Microsoft's directory (tenant) ID; `consumers` for Outlook.com.",
        example: '72f988bf-86f1-41af-91ab-2d7cd011db47',
      }),
      OAUTH_TOKEN_URL: variable({
        kind: kinds.text,
        meaning: 'Token endpoint of a `generic` server, https only.',
        example: 'https://login.example.org/oauth2/token',
      }),
      OAUTH_AUTH_URL: variable({
        kind: kinds.text,
        meaning: 'Where the owner consents in a browser, for `gatepost oauth login` at a `generic` server.',
        example: 'https://login.example.org/oauth2/authorize',
      }),
      OAUTH_DEVICE_URL: variable({
        kind: kinds.text,
        meaning: 'Device authorization endpoint of a `generic` server, for `gatepost oauth login` with a code.',
        example: 'https://login.example.org/oauth2/device',
      }),
      OAUTH_SCOPE: variable({
        kind: kinds.text,
        defaultShown: "the provider's for sending mail",
        meaning: 'Scopes that are asked for, separated by blanks.',
        example: 'https://mail.google.com/',
      }),
      OAUTH_KEY: variable({
        kind: kinds.serviceAccountKey,
        meaning: 'JSON key of a service account in Google Workspace, in place of a client. Usually given as `GATEPOST_OAUTH_KEY_FILE`.',
        example: '{"client_email": ...}',
      }),
      OAUTH_COMMAND: variable({
        kind: kinds.text,
        meaning:
          'With `GATEPOST_OAUTH=command`: a program with its words (no shell; 60 s at most), or a file; its first line is the token. The program finds the account in `GATEPOST_OAUTH_USER` and `GATEPOST_OAUTH_HOST`.',
        example: '/usr/bin/vault read -field=token mail/alerts',
      }),
      OAUTH_SEAL: variable({
        kind: kinds.sealKey,
        meaning:
          'Random text under which stored refresh tokens are sealed (AES-256-GCM), so that a stolen card alone gives nothing. It should lie elsewhere: as a credential, or in a file on another device.',
        example: 'kR0Ii4q8mC1p0bXj2u6Zr5sWv7Yt9eAa',
      }),
    },
  },
  server: {
    heading: 'Devices',
    variables: {
      LISTEN: variable({
        kind: kinds.listenAddresses,
        default: '0.0.0.0:25,[::]:25',
        meaning:
          'Addresses and ports to listen on, separated by commas; `smtps://address:port` speaks TLS from the first byte. Sockets that systemd passes are used instead.',
        example: '192.168.1.5:25,smtps://192.168.1.5:465',
      }),
      ALLOW: variable({
        kind: kinds.allowed,
        default: PRIVATE_NETWORKS.join(','),
        meaning:
          'Networks whose devices may send. The default is loopback, link-local, private and unique-local addresses. The word `lan` adds the networks that this board itself is in, for devices with a global IPv6 address. The address of a default route (the router, the proxy of a container) may only send if it is named, or the word `gateway` is given: otherwise mail that the internet sends through it would be relayed.',
        example: '192.168.1.0/24,lan',
      }),
      ALLOW_SENDERS: variable({
        kind: kinds.addressPatterns,
        defaultShown: 'any',
        meaning: 'Senders that are accepted: addresses, `@domain`, patterns with `*`, `<>` for mail without a sender, separated by commas.',
        example: '@example.org,ups-*@lan',
      }),
      ALLOW_RECIPIENTS: variable({
        kind: kinds.addressPatterns,
        defaultShown: 'any',
        meaning:
          'Recipients that are accepted: patterns as in `ALLOW_SENDERS`. Notifications are sent to these, `BOUNCE_TO` and `SENDER` only.',
        example: 'owner@example.org',
      }),
      DEVICE_AUTH: variable({
        kind: kinds.oneOf('off', 'any', 'required'),
        default: 'off',
        meaning:
          '`off`; `any` offers AUTH and accepts whatever a device sends, for devices that insist on logging in; `required` accepts mail only from `DEVICE_USERS`.',
        example: 'any',
      }),
      DEVICE_USERS: variable({
        kind: kinds.deviceUsers,
        meaning:
          'Lines of `user:password`; a password may be a hash made by `gatepost hash-password` (such a user cannot log in with CRAM-MD5). Usually given as `GATEPOST_DEVICE_USERS_FILE`.',
        example: 'camera:secret',
      }),
      DEVICE_TLS: variable({
        kind: kinds.oneOf('off', 'own', 'self-signed', 'required'),
        default: 'own',
        meaning:
          'Whether devices are offered STARTTLS. `own`: only with your own certificate in `DEVICE_TLS_CERT`; `self-signed`: with a certificate that the relay makes if you give none, for devices that insist on TLS and do not verify certificates; `required`: like `self-signed`, and mail and logins are accepted over TLS only; `off`: never. Many programs (nodemailer, PHPMailer, everything written in Go) use STARTTLS as soon as it is offered, and cannot send when they do not trust the certificate.',
        example: 'self-signed',
      }),
      DEVICE_TLS_CERT: variable({
        kind: kinds.certificates,
        defaultShown: 'made when needed',
        meaning: 'Certificate for devices that can do TLS, as PEM, with its chain.',
        example: '-----BEGIN CERTIFICATE----- ...',
      }),
      DEVICE_TLS_KEY: variable({
        kind: kinds.privateKey,
        defaultShown: 'made when needed',
        meaning: 'Private key of `DEVICE_TLS_CERT`, as PEM.',
        example: '-----BEGIN PRIVATE KEY----- ...',
      }),
      DEVICE_TLS_MIN: variable({
        kind: kinds.oneOf('1.0', '1.1', '1.2', '1.3'),
        default: '1.2',
        meaning:
          'Oldest TLS version for devices; `1.0` and `1.1` also allow the weak ciphers of their time. Connections to the upstream are not affected.',
        example: '1.0',
      }),
      DEVICE_RATE: variable({
        kind: kinds.rate,
        meaning: 'Most messages that one address may send per second, minute, hour or day: `s`, `m`, `h` or `d`.',
        example: '30/m',
      }),
      MAX_MESSAGE: variable({
        kind: kinds.size(1024),
        default: '25MiB',
        meaning: 'Largest message. Devices are offered the smallest of this, what the upstreams advertise, and what the spool can hold.',
        example: '10MiB',
      }),
      MAX_RECIPIENTS: variable({ kind: kinds.count(1, 1000), default: '100', meaning: 'Most recipients of one message.', example: '20' }),
      MAX_CONNECTIONS: variable({
        kind: kinds.count(1, 1000),
        default: '100',
        meaning: 'Most connections from devices at once, in all.',
        example: '50',
      }),
      MAX_CONNECTIONS_PER_DEVICE: variable({
        kind: kinds.count(1, 1000),
        default: '10',
        meaning: 'Most connections at once from one address.',
        example: '4',
      }),
    },
  },
  rewriting: {
    heading: 'Addresses',
    variables: {
      SENDER: variable({
        kind: kinds.mailbox,
        meaning: "Rewrites every sender, in the envelope and in `From`; the device's own address stays visible as name and in `Reply-To`.",
        example: 'alerts@example.org',
      }),
      RECIPIENT: variable({
        kind: kinds.mailbox,
        meaning: 'Sends every message to this address, whatever its recipients were.',
        example: 'owner@example.org',
      }),
      DEFAULT_DOMAIN: variable({
        kind: kinds.hostname,
        meaning: 'Completes addresses without a domain, such as `root`.',
        example: 'example.org',
      }),
    },
  },
  delivery: {
    heading: 'Attempts and notifications',
    variables: {
      RETRY_MIN: variable({
        kind: kinds.duration(1000),
        default: '1m',
        meaning: 'Wait before the first retry of a deferred message; each further wait is longer.',
        example: '30s',
      }),
      RETRY_MAX: variable({ kind: kinds.duration(1000), default: '30m', meaning: 'Longest wait between two attempts.', example: '1h' }),
      EXPIRE_AFTER: variable({
        kind: kinds.duration(60_000),
        default: '5d',
        meaning: 'Age at which a deferred message is given up. Only the time during which the relay runs counts.',
        example: '2d',
      }),
      WARN_AFTER: variable({
        kind: kinds.duration(60_000),
        defaultShown: 'off',
        meaning: 'Age at which the sender of a deferred message is notified, once, that it is late.',
        example: '4h',
      }),
      BOUNCE_TO: variable({
        kind: kinds.mailbox,
        defaultShown: 'the sender',
        meaning: 'Where notifications of undelivered messages go, since a camera reads no mail.',
        example: 'owner@example.org',
      }),
    },
  },
  spool: {
    heading: 'The spool',
    variables: {
      SPOOL_DIR: variable({
        kind: kinds.absolutePath,
        default: '/var/spool/gatepost',
        meaning: 'Folder for accepted messages.',
        example: '/data/gatepost',
      }),
      SPOOL_SIZE: variable({
        kind: kinds.size(8 * 2 ** 20),
        default: '64MiB',
        meaning: 'Most octets of flash that the spool may take.',
        example: '256MiB',
      }),
    },
  },
  relay: {
    heading: 'The relay itself',
    variables: {
      HOSTNAME: variable({
        kind: kinds.hostname,
        defaultShown: "the system's",
        meaning:
          'Name in the greeting, in EHLO and in trace fields. Without it, and where the system has no full name, EHLO says the address instead: `[192.168.1.5]`.',
        example: 'gate.example.org',
      }),
      CONTROL_SOCKET: variable({
        kind: kinds.absolutePath,
        defaultShown: '`SPOOL_DIR/control.sock`',
        meaning: 'Unix socket that `gatepost status` and `gatepost queue` connect to.',
        example: '/run/gatepost/control.sock',
      }),
      ALIVE_FILE: variable({
        kind: kinds.absolutePath,
        meaning:
          'File whose content changes every 20 s as long as the relay does not hang, for a script that watches it; it is removed when the relay stops. It should lie in RAM, since writing wears flash. systemd needs none: see `WatchdogSec=` in the unit.',
        example: '/run/gatepost/alive',
      }),
    },
  },
  log: {
    heading: 'The log',
    variables: {
      LOG_LEVEL: variable({
        kind: kinds.oneOf(...LOG_LEVELS),
        default: 'info',
        meaning: 'Least level of the lines that are written: `debug`, `info`, `warn` or `error`.',
        example: 'debug',
      }),
      LOG_FORMAT: variable({
        kind: kinds.oneOf('text', 'json'),
        default: 'text',
        meaning: '`text` (one logfmt line for each event) or `json`.',
        example: 'json',
      }),
    },
  },
} as const;
