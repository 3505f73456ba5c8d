// Environment -> Config, or every mistake in it, one line each. A variable GATEPOST_X may also be given
// as GATEPOST_X_FILE (a file that holds the value) or as the systemd credential `gatepost_x`.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname as systemHostname } from 'node:os';
import * as v from 'valibot';
import type { Mailbox } from '../smtp/address.ts';
import type { HeartbeatSettings } from '../system/heartbeat.ts';
import type { ListenAddress, PassedSocket } from '../vocabulary/endpoint.ts';
import type { KeyPair } from '../vocabulary/key-pair.ts';
import type { Allowed } from '../vocabulary/network.ts';
import type { DeviceUser } from '../vocabulary/password.ts';
import type { Rate } from '../vocabulary/rate.ts';
import type { Rewriting } from '../vocabulary/rewriting.ts';
import type { TrustSettings } from '../vocabulary/trust-settings.ts';
import type { UpstreamTarget, UpstreamUrl } from '../vocabulary/upstream-target.ts';
import { PREFIX, VARIABLES, type Values, type Variable, type VariableName } from './variables.ts';

export type Config = {
  readonly hostname: string;
  readonly listen: readonly (ListenAddress | PassedSocket)[];
  readonly allow: Allowed;
  readonly deviceAuth: Values['DEVICE_AUTH'];
  readonly deviceUsers: readonly DeviceUser[];
  readonly deviceTls: {
    readonly startTls: 'off' | 'offered' | 'required';
    readonly minimum: Values['DEVICE_TLS_MIN'];
    readonly own: KeyPair | undefined;
  };
  readonly deviceRate: Rate | undefined;
  readonly rewriting: Rewriting;
  readonly allowSenders: readonly string[] | undefined;
  readonly allowRecipients: readonly string[] | undefined;
  readonly upstreams: readonly UpstreamTarget[];
  readonly trust: TrustSettings;
  readonly upstreamConnections: number;
  readonly upstreamRate: Rate | undefined;
  readonly maxMessage: number;
  readonly maxRecipients: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerDevice: number;
  readonly spoolDir: string;
  readonly spoolSize: number;
  readonly controlSocket: string;
  readonly retry: { readonly min: number; readonly max: number };
  readonly expireAfter: number;
  readonly warnAfter: number | undefined;
  readonly bounceTo: Mailbox | undefined;
  readonly heartbeat: HeartbeatSettings;
  readonly log: { readonly level: Values['LOG_LEVEL']; readonly format: Values['LOG_FORMAT'] };
};

/** One line: the variable, what is wrong, an example of right. */
export type Mistake = string;

export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads a whole small file as text; throws Node's error. */
export type ReadFile = (path: string) => string;

/** `{ config }`, or `{ mistakes }` with at least one. */
export function parseConfig(
  environment: Environment,
  readFile: ReadFile,
): { readonly config: Config } | { readonly mistakes: readonly Mistake[] } {
  const { values, mistakes } = readValues(Object.keys(VARIABLES) as VariableName[], environment, readFile);
  const all = [...unknownNames(environment), ...mistakes];
  if (all.length > 0) return { mistakes: all };
  const complete = values as Values;
  const contradictions = findContradictions(complete);
  return contradictions.length > 0 ? { mistakes: contradictions } : { config: toConfig(complete, environment) };
}

/** Where a running relay is found, for the commands that talk to it: they need nothing else of its configuration. */
export type RelayLocation = Pick<Config, 'spoolDir' | 'controlSocket'>;

export function parseRelayLocation(
  environment: Environment,
  readFile: ReadFile,
): RelayLocation | { readonly mistakes: readonly Mistake[] } {
  const { values, mistakes } = readValues(['SPOOL_DIR', 'CONTROL_SOCKET'], environment, readFile);
  return mistakes.length > 0 ? { mistakes } : locationOf(values as Pick<Values, 'SPOOL_DIR' | 'CONTROL_SOCKET'>);
}

const locationOf = (values: Pick<Values, 'SPOOL_DIR' | 'CONTROL_SOCKET'>): RelayLocation => ({
  spoolDir: values.SPOOL_DIR,
  controlSocket: values.CONTROL_SOCKET ?? `${values.SPOOL_DIR}/control.sock`,
});

function readValues(
  names: readonly VariableName[],
  environment: Environment,
  readFile: ReadFile,
): { values: Record<string, unknown>; mistakes: Mistake[] } {
  const mistakes: Mistake[] = [];
  const values: Record<string, unknown> = {};
  for (const name of names) {
    const variable: Variable<unknown> = VARIABLES[name];
    const mistake = (what: string) => mistakes.push(`${PREFIX}${name}: ${what}; for example ${PREFIX}${name}=${variable.example}`);
    try {
      const text = lookUp(name, environment, readFile) ?? variable.default;
      if (text === undefined) {
        if (variable.required) mistake('is required');
        continue;
      }
      const parsed = v.safeParse(variable.kind, text);
      if (parsed.success) values[name] = parsed.output;
      else mistake(parsed.issues[0].message);
    } catch (error) {
      mistake((error as Error).message);
    }
  }
  return { values, mistakes };
}

function unknownNames(environment: Environment): Mistake[] {
  const known = new Set(Object.keys(VARIABLES).flatMap((name) => [`${PREFIX}${name}`, `${PREFIX}${name}_FILE`]));
  return Object.keys(environment)
    .filter((name) => name.startsWith(PREFIX) && !known.has(name))
    .map((name) => `${name}: there is no such variable; "gatepost config" lists them all`);
}

/** The value of GATEPOST_name, from wherever it is given; undefined when it is not. Throws when it is given twice or its file can't be read. */
function lookUp(name: VariableName, environment: Environment, readFile: ReadFile): string | undefined {
  const plain = environment[`${PREFIX}${name}`];
  const file = environment[`${PREFIX}${name}_FILE`];
  if (plain !== undefined && file !== undefined) throw new Error(`is given twice, also as ${PREFIX}${name}_FILE`);
  if (plain !== undefined) return plain;
  if (file !== undefined) return withoutLastLineEnd(readOrExplain(file, readFile));
  const credentials = environment['CREDENTIALS_DIRECTORY'];
  if (credentials === undefined) return undefined;
  try {
    return withoutLastLineEnd(readFile(`${credentials}/gatepost_${name.toLowerCase()}`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function readOrExplain(path: string, readFile: ReadFile): string {
  try {
    return readFile(path);
  } catch (error) {
    throw new Error(`its file can't be read: ${(error as Error).message}`);
  }
}

const withoutLastLineEnd = (text: string) => text.replace(/\r?\n$/, '');

function findContradictions(values: Values): Mistake[] {
  const mistakes: Mistake[] = [];
  const { UPSTREAM, UPSTREAM_USERNAME, UPSTREAM_PASSWORD, UPSTREAM_AUTH, UPSTREAM_CA, UPSTREAM_PIN } = values;
  if ((UPSTREAM_USERNAME === undefined) !== (UPSTREAM_PASSWORD === undefined)) {
    mistakes.push(
      `${PREFIX}UPSTREAM_USERNAME and ${PREFIX}UPSTREAM_PASSWORD: one is given without the other; give both, or write them into ${PREFIX}UPSTREAM`,
    );
  }
  mistakes.push(...sharedCredentials(UPSTREAM, UPSTREAM_USERNAME));
  for (const upstream of UPSTREAM) {
    const hasCredentials = upstream.credentials !== undefined || UPSTREAM_USERNAME !== undefined;
    if (upstream.security === 'plain' && hasCredentials && UPSTREAM_AUTH !== 'none') {
      mistakes.push(
        `${PREFIX}UPSTREAM: ${upstream.host} is smtp+plain, and credentials never travel without TLS; use smtp:// or smtps://, or ${PREFIX}UPSTREAM_AUTH=none`,
      );
    }
    if (
      upstream.security === 'plain' &&
      isIP(upstream.host) === 0 &&
      upstream.host !== 'localhost' &&
      !/\.(?:local|lan|home\.arpa|internal)$/i.test(upstream.host) &&
      upstream.host.includes('.')
    ) {
      mistakes.push(
        `${PREFIX}UPSTREAM: smtp+plain goes to loopback or private addresses only, and ${upstream.host} looks public; use smtp:// or smtps://`,
      );
    }
    if (upstream.security !== 'plain' && !hasCredentials && UPSTREAM_AUTH !== 'auto' && UPSTREAM_AUTH !== 'none') {
      mistakes.push(
        `${PREFIX}UPSTREAM_AUTH: ${UPSTREAM_AUTH} needs a user and a password; for example ${PREFIX}UPSTREAM_USERNAME=alerts@example.org`,
      );
    }
  }
  if (UPSTREAM_CA !== undefined && UPSTREAM_PIN !== undefined) {
    mistakes.push(`${PREFIX}UPSTREAM_CA and ${PREFIX}UPSTREAM_PIN: a pinned key needs no authority; give one of them`);
  }
  if (values.DEVICE_AUTH === 'required' && values.DEVICE_USERS === undefined) {
    mistakes.push(`${PREFIX}DEVICE_AUTH: required needs ${PREFIX}DEVICE_USERS; for example ${PREFIX}DEVICE_USERS=camera:secret`);
  }
  if (values.DEVICE_AUTH !== 'required' && values.DEVICE_USERS !== undefined) {
    mistakes.push(`${PREFIX}DEVICE_USERS: nobody asks for them unless ${PREFIX}DEVICE_AUTH=required`);
  }
  if ((values.DEVICE_TLS_CERT === undefined) !== (values.DEVICE_TLS_KEY === undefined)) {
    mistakes.push(`${PREFIX}DEVICE_TLS_CERT and ${PREFIX}DEVICE_TLS_KEY: one is given without the other; give both, or none`);
  } else if (values.DEVICE_TLS_CERT !== undefined && values.DEVICE_TLS_KEY !== undefined) {
    const problem = keyProblem(values.DEVICE_TLS_CERT, values.DEVICE_TLS_KEY);
    if (problem !== undefined) mistakes.push(`${PREFIX}DEVICE_TLS_KEY: ${problem}`);
  }
  if (values.DEVICE_TLS === 'off' && values.LISTEN.some(({ tls }) => tls))
    mistakes.push(`${PREFIX}DEVICE_TLS: is off, but ${PREFIX}LISTEN has an smtps:// address; for example ${PREFIX}DEVICE_TLS=own`);
  if (values.WARN_AFTER !== undefined && values.WARN_AFTER >= values.EXPIRE_AFTER)
    mistakes.push(`${PREFIX}WARN_AFTER: is not before ${PREFIX}EXPIRE_AFTER; for example ${PREFIX}WARN_AFTER=4h`);
  if (values.RETRY_MIN > values.RETRY_MAX) mistakes.push(`${PREFIX}RETRY_MIN: is longer than ${PREFIX}RETRY_MAX; for example 1m and 30m`);
  return mistakes;
}

/** A user and password beside the URLs are for one provider: no other may hear them. */
function sharedCredentials(upstreams: readonly UpstreamUrl[], username: string | undefined): Mistake[] {
  if (username === undefined) return [];
  const names = `${PREFIX}UPSTREAM_USERNAME and ${PREFIX}UPSTREAM_PASSWORD`;
  const without = upstreams.filter(({ credentials }) => credentials === undefined);
  const hosts = [...new Set(without.map(({ host }) => host.toLowerCase()))];
  if (hosts.length === 0) return [`${names}: nobody uses them, since the URLs name users of their own; give one or the other`];
  if (hosts.length === 1) return [];
  return [
    `${names}: ${hosts.join(' and ')} would both get them; write each one's own into ${PREFIX}UPSTREAM, for example smtp://me%40one.example:secret@${hosts[0]}`,
  ];
}

/** Why the key does not go with the certificate, if it doesn't. */
function keyProblem(certificate: string, key: string): string | undefined {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))
      ? undefined
      : `it is not the key of ${PREFIX}DEVICE_TLS_CERT`;
  } catch (error) {
    return `certificate or key can't be read: ${(error as Error).message}`;
  }
}

const FIRST_PASSED = 3;

/** Those that were meant for this very process. */
function passedSockets(environment: Environment): readonly PassedSocket[] {
  const count = environment['LISTEN_PID'] === String(process.pid) ? Number(environment['LISTEN_FDS'] ?? 0) : 0;
  const names = environment['LISTEN_FDNAMES']?.split(':') ?? [];
  return Array.from({ length: count }, (_, at) => ({ descriptor: FIRST_PASSED + at, tls: names[at] === 'smtps' }));
}

/** Who wants to know whether this very process lives, and how often: sd_notify(3), sd_watchdog_enabled(3). */
function heartbeat(environment: Environment, file: string | undefined): HeartbeatSettings {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: microseconds, WATCHDOG_PID: pid = String(process.pid), PATH: path } = environment;
  const milliseconds = Number(microseconds) / 1000;
  return {
    watchdog: milliseconds > 0 && pid === String(process.pid) ? milliseconds : undefined,
    file,
    systemd: socket ? { socket, path: path ?? '/usr/bin:/bin' } : undefined,
  };
}

function toConfig(values: Values, environment: Environment): Config {
  const passed = passedSockets(environment);
  const { UPSTREAM_USERNAME: username, UPSTREAM_PASSWORD: password, DEVICE_TLS_CERT: certificate, DEVICE_TLS_KEY: key } = values;
  const given = username !== undefined && password !== undefined ? { username, password } : undefined;
  return Object.freeze({
    hostname: values.HOSTNAME ?? ownHostname(),
    listen: passed.length > 0 ? passed : values.LISTEN,
    allow: values.ALLOW,
    deviceAuth: values.DEVICE_AUTH,
    deviceUsers: values.DEVICE_USERS ?? [],
    deviceTls: {
      startTls: startTls(values.DEVICE_TLS, certificate !== undefined),
      minimum: values.DEVICE_TLS_MIN,
      own: certificate === undefined || key === undefined ? undefined : { cert: certificate, key },
    },
    deviceRate: values.DEVICE_RATE,
    rewriting: { sender: values.SENDER, recipient: values.RECIPIENT, defaultDomain: values.DEFAULT_DOMAIN },
    allowSenders: values.ALLOW_SENDERS,
    allowRecipients: values.ALLOW_RECIPIENTS,
    upstreams: values.UPSTREAM.map((upstream) => ({ ...upstream, credentials: upstream.credentials ?? given, auth: values.UPSTREAM_AUTH })),
    trust: { ca: values.UPSTREAM_CA, pin: values.UPSTREAM_PIN, bundle: environment['SSL_CERT_FILE'] },
    upstreamConnections: values.UPSTREAM_CONNECTIONS,
    upstreamRate: values.UPSTREAM_RATE,
    maxMessage: values.MAX_MESSAGE,
    maxRecipients: values.MAX_RECIPIENTS,
    maxConnections: values.MAX_CONNECTIONS,
    maxConnectionsPerDevice: values.MAX_CONNECTIONS_PER_DEVICE,
    ...locationOf(values),
    spoolSize: values.SPOOL_SIZE,
    retry: { min: values.RETRY_MIN, max: values.RETRY_MAX },
    expireAfter: values.EXPIRE_AFTER,
    warnAfter: values.WARN_AFTER,
    bounceTo: values.BOUNCE_TO,
    heartbeat: heartbeat(environment, values.ALIVE_FILE),
    log: { level: values.LOG_LEVEL, format: values.LOG_FORMAT },
  });
}

function startTls(mode: Values['DEVICE_TLS'], hasOwn: boolean): Config['deviceTls']['startTls'] {
  if (mode === 'required') return 'required';
  return mode === 'self-signed' || (mode === 'own' && hasOwn) ? 'offered' : 'off';
}

/** The system's name, made fit for a greeting. */
function ownHostname(): string {
  const name = systemHostname()
    .replace(/[^A-Za-z0-9.-]/g, '-')
    .replace(/^[.-]+|[.-]+$/g, '');
  return name === '' ? 'gatepost' : name;
}
