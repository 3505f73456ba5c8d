// The configuration: the settings of each group as the table has them, and what is derived from several variables, from
// defaults that depend on the board, and from what systemd gives.

import { hostname as systemHostname } from 'node:os';
import { TOKEN_CHOICES } from '../smtp/sasl/mechanisms.ts';
import type { HeartbeatSettings } from '../system/heartbeat.ts';
import type { ListenAddress, PassedSocket } from '../vocabulary/endpoint.ts';
import type { KeyPair } from '../vocabulary/key-pair.ts';
import type { OAuthAccount } from '../vocabulary/oauth-account.ts';
import type { DeviceUser } from '../vocabulary/password.ts';
import type { TrustSettings } from '../vocabulary/trust-settings.ts';
import type { AuthChoice, UpstreamUrl } from '../vocabulary/upstream-target.ts';
import { findContradictions } from './contradictions.ts';
import { findAccounts } from './oauth.ts';
import { type Settings, VARIABLES } from './settings.ts';
import { type Environment, type Mistake, type ReadFile, readVariables, unknownNames } from './sources.ts';
import { heartbeatSettings, passedSockets } from './systemd.ts';

/** All that the owner of the board can decide. Sizes are octets, durations are milliseconds. */
export type Config = {
  readonly upstream: Omit<Settings['upstream'], 'upstream' | 'username' | 'password' | 'auth' | 'ca' | 'pin'> & {
    /** In order of preference, each with its credentials. */
    readonly targets: readonly ConfiguredUpstream[];
    readonly trust: TrustSettings;
    /** The key of stored OAuth authorizations. */
    readonly seal: string | undefined;
  };
  readonly server: Omit<Settings['server'], 'listen' | 'deviceUsers' | 'deviceTls' | 'deviceTlsMin' | 'deviceTlsCert' | 'deviceTlsKey'> & {
    /** Sockets of systemd, if it passes any, in place of the addresses. */
    readonly listen: readonly (ListenAddress | PassedSocket)[];
    readonly deviceUsers: readonly DeviceUser[];
    readonly deviceTls: DeviceTlsConfig;
  };
  readonly rewriting: Settings['rewriting'];
  readonly delivery: Omit<Settings['delivery'], 'retryMin' | 'retryMax'> & {
    readonly retry: { readonly min: number; readonly max: number };
  };
  readonly spool: Settings['spool'];
  readonly relay: Omit<Settings['relay'], 'aliveFile'> & {
    readonly hostname: string;
    /** For EHLO to upstreams: GATEPOST_HOSTNAME, or the system's name if it is a full one. */
    readonly helloName: string | undefined;
    readonly controlSocket: string;
    readonly heartbeat: HeartbeatSettings;
  };
  readonly log: Settings['log'];
};

/** One upstream. It logs in with credentials, or with the tokens of an account, or not at all. */
export type ConfiguredUpstream = UpstreamUrl & { readonly auth: AuthChoice; readonly oauth: OAuthAccount | undefined };

/** TLS with devices. */
type DeviceTlsConfig = {
  /** `required`: mail and logins are accepted over TLS only. */
  readonly startTls: 'off' | 'offered' | 'required';
  readonly minimum: Settings['server']['deviceTlsMin'];
  /** The owner's certificate; undefined when the relay makes one. */
  readonly own: KeyPair | undefined;
};

/** The mistakes in an environment, at least one. */
type Mistaken = { readonly mistakes: readonly Mistake[] };

/** Reads the whole configuration, or finds all mistakes in it. */
export function parseConfig(environment: Environment, readFile: ReadFile): { readonly config: Config } | Mistaken {
  const { values, mistakes } = readVariables(VARIABLES, { environment, readFile });
  const all = [...unknownNames(environment), ...mistakes];
  if (all.length > 0) return { mistakes: all };
  const settings = values as Settings; // without a mistake each field is what its row says
  const contradictions = findContradictions(settings);
  return contradictions.length > 0 ? { mistakes: contradictions } : { config: configFrom(settings, environment) };
}

/** Where a running relay is found. */
export type RelayLocation = { readonly spoolDir: string; readonly controlSocket: string };

/**
 * Reads what the commands need that look for a running relay, and nothing else: other variables may be missing or
 * wrong.
 */
export function parseRelayLocation(environment: Environment, readFile: ReadFile): RelayLocation | Mistaken {
  const variables = VARIABLES.filter(({ name }) => name === 'SPOOL_DIR' || name === 'CONTROL_SOCKET');
  const { values, mistakes } = readVariables(variables, { environment, readFile });
  if (mistakes.length > 0) return { mistakes };
  const { spool, relay } = values as Pick<Settings, 'spool' | 'relay'>;
  return { spoolDir: spool.dir, controlSocket: controlSocketOf(relay, spool) };
}

function configFrom(settings: Settings, environment: Environment): Config {
  const { server, rewriting, delivery, spool, relay, log } = settings;
  const { retryMin, retryMax, ...otherDelivery } = delivery;
  const { aliveFile, ...otherRelay } = relay;
  return {
    upstream: upstreamFrom(settings, environment),
    server: serverFrom(server, passedSockets(environment)),
    rewriting,
    delivery: { ...otherDelivery, retry: { min: retryMin, max: retryMax } },
    spool,
    relay: {
      ...otherRelay,
      hostname: relay.hostname ?? ownHostname(),
      helloName: relay.hostname ?? fullName(ownHostname()),
      controlSocket: controlSocketOf(relay, spool),
      heartbeat: heartbeatSettings(environment, aliveFile),
    },
    log,
  };
}

/** SSL_CERT_FILE and SSL_CERT_DIR replace the system's roots, as OpenSSL's own programs know them. */
function upstreamFrom(settings: Settings, environment: Environment): Config['upstream'] {
  const bundle = environment['SSL_CERT_FILE'];
  const folders = environment['SSL_CERT_DIR']?.split(':').filter((path) => path !== '');
  const { upstream, username, password, auth, ca, pin, ...others } = settings.upstream;
  const beside = username !== undefined && password !== undefined ? { username, password } : undefined;
  const { accounts } = findAccounts(settings);
  const isForTokens = TOKEN_CHOICES.some((one) => one === auth);
  return {
    ...others,
    targets: upstream.map((url) => {
      const oauth = accounts.get(url);
      const credentials = oauth === undefined ? (url.credentials ?? beside) : undefined;
      // A mechanism for passwords is not meant for an upstream that takes tokens, nor the other way round.
      return { ...url, credentials, oauth, auth: auth === 'none' || (oauth !== undefined) === isForTokens ? auth : 'auto' };
    }),
    trust: { ca, pin, bundle, folders },
    seal: settings.oauth.seal,
  };
}

function serverFrom(settings: Settings['server'], passed: readonly PassedSocket[]): Config['server'] {
  const { listen, deviceUsers, deviceTls, deviceTlsMin, deviceTlsCert: cert, deviceTlsKey: key, ...others } = settings;
  const own = cert === undefined || key === undefined ? undefined : { cert, key };
  return {
    ...others,
    listen: passed.length > 0 ? passed : listen,
    deviceUsers: deviceUsers ?? [],
    deviceTls: { startTls: startTls(deviceTls, own !== undefined), minimum: deviceTlsMin, own },
  };
}

function startTls(mode: Settings['server']['deviceTls'], hasOwn: boolean): DeviceTlsConfig['startTls'] {
  if (mode === 'required') return 'required';
  return mode === 'self-signed' || (mode === 'own' && hasOwn) ? 'offered' : 'off';
}

const controlSocketOf = (relay: Settings['relay'], spool: Settings['spool']) => relay.controlSocket ?? `${spool.dir}/control.sock`;

/** The system's name with only the characters that a greeting may have. */
function ownHostname(): string {
  const name = systemHostname()
    .replace(/[^A-Za-z0-9.-]/g, '-')
    .replace(/^[.-]+|[.-]+$/g, '');
  return name === '' ? 'gatepost' : name;
}

/** The name if it has a dot: a bare one says nothing outside its own network (RFC 5321, section 2.3.5). */
const fullName = (name: string): string | undefined => (name.includes('.') ? name : undefined);
