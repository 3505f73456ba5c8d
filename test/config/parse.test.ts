import { describe, expect, test } from 'vitest';
import { selfSigned } from '../../scripts/lib/certificate.ts';
import { type Environment, parseConfig } from '../../src/config/parse.ts';
import { VARIABLES } from '../../src/config/variables.ts';

const UPSTREAM = { GATEPOST_UPSTREAM: 'smtp://user:secret@smtp.example.org' };
const noFiles = (path: string): string => {
  throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
};
const parse = (environment: Environment, files: Record<string, string> = {}) =>
  parseConfig(environment, (path) => files[path] ?? noFiles(path));
const configOf = (environment: Environment, files?: Record<string, string>) => {
  const result = parse(environment, files);
  if ('mistakes' in result) throw new Error(result.mistakes.join('\n'));
  return result.config;
};
const mistakesOf = (environment: Environment, files?: Record<string, string>) => {
  const result = parse(environment, files);
  return 'mistakes' in result ? result.mistakes : [];
};

test('the defaults', () => {
  expect(configOf(UPSTREAM)).toMatchObject({
    upstreams: [
      { security: 'starttls', host: 'smtp.example.org', port: 587, credentials: { username: 'user', password: 'secret' }, auth: 'auto' },
    ],
    listen: [
      { host: '0.0.0.0', port: 25, tls: false },
      { host: '::', port: 25, tls: false },
    ],
    maxMessage: 25 * 2 ** 20,
    spoolDir: '/var/spool/gatepost',
    spoolSize: 64 * 2 ** 20,
    retry: { min: 60_000, max: 1_800_000 },
    expireAfter: 5 * 86_400_000,
  });
});

test.each([
  [{}, { watchdog: undefined, systemd: undefined }],
  [
    { NOTIFY_SOCKET: '@here', WATCHDOG_USEC: '180000000' },
    { watchdog: 180_000, systemd: { socket: '@here', path: '/usr/bin:/bin' } },
  ],
  [
    { NOTIFY_SOCKET: '', WATCHDOG_USEC: '180000000', WATCHDOG_PID: String(process.pid) },
    { watchdog: 180_000, systemd: undefined },
  ],
  [{ WATCHDOG_USEC: '180000000', WATCHDOG_PID: String(process.pid + 1) }, { watchdog: undefined }], // meant for another process
  [{ WATCHDOG_USEC: 'soon' }, { watchdog: undefined }],
  [
    { WATCHDOG_USEC: '0', GATEPOST_ALIVE_FILE: '/run/alive' },
    { watchdog: undefined, file: '/run/alive' },
  ],
])('heartbeat of %j', (environment, heartbeat) => expect(configOf({ ...UPSTREAM, ...environment }).heartbeat).toMatchObject(heartbeat));

test('every example in the table is right', () => {
  for (const [name, variable] of Object.entries(VARIABLES)) {
    if (name === 'DEVICE_TLS_CERT' || name === 'DEVICE_TLS_KEY') continue; // shortened, and only right together
    const together: Record<string, Record<string, string>> = {
      UPSTREAM_USERNAME: { GATEPOST_UPSTREAM_PASSWORD: 'x', GATEPOST_UPSTREAM: 'smtp://h.example' },
      UPSTREAM_PASSWORD: { GATEPOST_UPSTREAM_USERNAME: 'x', GATEPOST_UPSTREAM: 'smtp://h.example' },
      DEVICE_USERS: { GATEPOST_DEVICE_AUTH: 'required' },
      UPSTREAM_CA: { GATEPOST_UPSTREAM_CA: '-----BEGIN CERTIFICATE-----' },
    };
    expect(mistakesOf({ ...UPSTREAM, [`GATEPOST_${name}`]: variable.example, ...together[name] }), name).toEqual([]);
  }
});

test.each([
  ['smtps://mail.example.org', { security: 'tls', port: 465, credentials: undefined }],
  ['smtp://a%40b:p%3Aq%2C@[2001:db8::1]:2525', { host: '2001:db8::1', port: 2525, credentials: { username: 'a@b', password: 'p:q,' } }],
  ['smtp+plain://192.168.1.9', { security: 'plain', port: 25 }],
])('upstream %s', (url, upstream) => expect(configOf({ GATEPOST_UPSTREAM: url }).upstreams[0]).toMatchObject(upstream));

test('several upstreams', () => {
  expect(configOf({ GATEPOST_UPSTREAM: 'smtp://u:p@one.example, smtps://two.example' }).upstreams.map(({ host }) => host)).toEqual([
    'one.example',
    'two.example',
  ]);
});

test('a user in a URL comes before the one beside it, and no provider hears of another', () => {
  const environment = {
    GATEPOST_UPSTREAM: 'smtp://one.example,smtp://me:sesame@two.example,smtps://ONE.example',
    GATEPOST_UPSTREAM_USERNAME: 'x',
    GATEPOST_UPSTREAM_PASSWORD: 'y',
  };
  expect(configOf(environment).upstreams.map(({ credentials }) => credentials)).toEqual([
    { username: 'x', password: 'y' },
    { username: 'me', password: 'sesame' },
    { username: 'x', password: 'y' },
  ]);
});

test.each([
  ['two words ', {}],
  [' leading', {}],
  ['x\t', {}],
])('the password %j is taken as it is', (password) => {
  const given = { GATEPOST_UPSTREAM: 'smtp://h.example', GATEPOST_UPSTREAM_USERNAME: 'x' };
  expect(configOf({ ...given, GATEPOST_UPSTREAM_PASSWORD: password }).upstreams[0]?.credentials?.password).toBe(password);
  const files = { '/p': `${password}\n` };
  expect(configOf({ ...given, GATEPOST_UPSTREAM_PASSWORD_FILE: '/p' }, files).upstreams[0]?.credentials?.password).toBe(password);
  const users = configOf({ ...UPSTREAM, GATEPOST_DEVICE_AUTH: 'required', GATEPOST_DEVICE_USERS: `cam:${password}\r\n` }).deviceUsers;
  expect(users).toEqual([{ name: 'cam', secret: { kind: 'plain', password } }]);
});

test.each([
  [{}, 'off'],
  [{ GATEPOST_DEVICE_TLS: 'own' }, 'off'],
  [{ GATEPOST_DEVICE_TLS: 'self-signed' }, 'offered'],
  [{ GATEPOST_DEVICE_TLS: 'required' }, 'required'],
  [{ GATEPOST_DEVICE_TLS: 'off' }, 'off'],
] as const)('STARTTLS with %j: %s', (environment, offer) => {
  expect(configOf({ ...UPSTREAM, ...environment }).deviceTls.startTls).toBe(offer);
});

test('STARTTLS is offered by default once there is a certificate of the owner', () => {
  const { cert, key } = selfSigned();
  const environment = { ...UPSTREAM, GATEPOST_DEVICE_TLS_CERT: cert, GATEPOST_DEVICE_TLS_KEY: key };
  expect(configOf(environment).deviceTls.startTls).toBe('offered');
  expect(configOf({ ...environment, GATEPOST_DEVICE_TLS: 'off' }).deviceTls.startTls).toBe('off');
});

test('words for networks that change', () => {
  expect(configOf({ ...UPSTREAM, GATEPOST_ALLOW: '10.0.0.0/8, LAN' }).allow).toEqual({
    networks: [{ address: '10.0.0.0', prefix: 8, family: 'ipv4' }],
    lan: true,
    gateway: false,
  });
});

test.each([
  ['64MiB', 64 * 2 ** 20],
  ['10M', 10_000_000],
  ['9000k', 9_000_000],
  ['9000000', 9_000_000],
  ['0.5GiB', 2 ** 29],
])('size %s', (text, octets) => expect(configOf({ ...UPSTREAM, GATEPOST_SPOOL_SIZE: text }).spoolSize).toBe(octets));

describe('mistakes: one line each, with the variable and an example', () => {
  test.each<[Environment, RegExp]>([
    [{}, /^GATEPOST_UPSTREAM: is required; for example GATEPOST_UPSTREAM=smtp:/],
    [{ ...UPSTREAM, GATEPOST_FOO: '1' }, /^GATEPOST_FOO: there is no such variable/],
    [{ ...UPSTREAM, GATEPOST_SPOOL_SIZE: '64X' }, /^GATEPOST_SPOOL_SIZE: "64X" is no size.*example/],
    [{ ...UPSTREAM, GATEPOST_SPOOL_SIZE: '1MiB' }, /^GATEPOST_SPOOL_SIZE: less than 8388608/],
    [{ ...UPSTREAM, GATEPOST_RETRY_MIN: '5 parsecs' }, /^GATEPOST_RETRY_MIN: .*duration/],
    [{ ...UPSTREAM, GATEPOST_RETRY_MIN: '1h' }, /^GATEPOST_RETRY_MIN: is longer than GATEPOST_RETRY_MAX/],
    [{ ...UPSTREAM, GATEPOST_LISTEN: 'localhost:25' }, /^GATEPOST_LISTEN: "localhost:25"/],
    [{ ...UPSTREAM, GATEPOST_LISTEN: '1.2.3.4:99999' }, /^GATEPOST_LISTEN/],
    [{ ...UPSTREAM, GATEPOST_ALLOW: '192.168.1.0/33' }, /^GATEPOST_ALLOW: "192.168.1.0\/33" is no network/],
    [{ ...UPSTREAM, GATEPOST_HOSTNAME: 'a b' }, /^GATEPOST_HOSTNAME/],
    [{ ...UPSTREAM, GATEPOST_LOG_LEVEL: 'loud' }, /^GATEPOST_LOG_LEVEL: "loud" is none of debug, info, warn, error/],
    [{ ...UPSTREAM, GATEPOST_SPOOL_DIR: 'spool' }, /^GATEPOST_SPOOL_DIR: "spool" is no absolute path/],
    [{ ...UPSTREAM, GATEPOST_MAX_RECIPIENTS: '0' }, /^GATEPOST_MAX_RECIPIENTS/],
    [{ GATEPOST_UPSTREAM: 'smtp://h.example', GATEPOST_UPSTREAM_USERNAME: 'x' }, /one is given without the other/],
    [{ ...UPSTREAM, GATEPOST_UPSTREAM_USERNAME: 'x', GATEPOST_UPSTREAM_PASSWORD: 'y' }, /nobody uses them/],
    [
      {
        GATEPOST_UPSTREAM: 'smtp://one.example,smtp://me:z@two.example,smtps://three.example',
        GATEPOST_UPSTREAM_USERNAME: 'x',
        GATEPOST_UPSTREAM_PASSWORD: 'y',
      },
      /one\.example and three\.example would both get them/,
    ],
    [{ ...UPSTREAM, GATEPOST_DEVICE_TLS: 'off', GATEPOST_LISTEN: 'smtps://0.0.0.0:465' }, /^GATEPOST_DEVICE_TLS: is off, but/],
    [{ GATEPOST_UPSTREAM: 'smtp+plain://u:p@192.168.1.9' }, /never travel without TLS/],
    [{ GATEPOST_UPSTREAM: 'smtp+plain://mail.example.org' }, /looks public/],
    [{ GATEPOST_UPSTREAM: 'http://x' }, /^GATEPOST_UPSTREAM: not of the form/],
    [{ GATEPOST_UPSTREAM: 'smtp://u:p%zz@h' }, /%25/],
    [{ ...UPSTREAM, GATEPOST_UPSTREAM_CA_FILE: '/nowhere' }, /^GATEPOST_UPSTREAM_CA: its file can't be read: ENOENT/],
    [{ ...UPSTREAM, GATEPOST_UPSTREAM_PIN: 'abc' }, /^GATEPOST_UPSTREAM_PIN/],
  ])('%j', (environment, mistake) => {
    const mistakes = mistakesOf(environment);
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toMatch(mistake);
    expect(mistakes[0]).not.toContain('\n');
  });

  test('all of them at once', () => {
    expect(mistakesOf({ GATEPOST_SPOOL_SIZE: 'x', GATEPOST_LISTEN: 'y', GATEPOST_BAR: 'z' })).toHaveLength(4);
  });

  test('no mistake shows a secret', () => {
    for (const url of ['smtp://user:hunter2@', 'smtp://user:hunter2@bad host', 'hunter2', 'smtp://u:hunter2%@h']) {
      expect(mistakesOf({ GATEPOST_UPSTREAM: url }).join()).not.toContain('hunter2');
    }
  });
});

describe('where a value may come from', () => {
  test('a file, its last line end dropped', () => {
    const environment = { GATEPOST_UPSTREAM: 'smtp://h.example', GATEPOST_UPSTREAM_USERNAME: 'u', GATEPOST_UPSTREAM_PASSWORD_FILE: '/p' };
    expect(configOf(environment, { '/p': 'se cret\n' }).upstreams[0]?.credentials).toEqual({ username: 'u', password: 'se cret' });
  });

  test('a systemd credential', () => {
    const environment = { GATEPOST_UPSTREAM: 'smtp://h.example', GATEPOST_UPSTREAM_USERNAME: 'u', CREDENTIALS_DIRECTORY: '/run/c' };
    expect(configOf(environment, { '/run/c/gatepost_upstream_password': 'x' }).upstreams[0]?.credentials?.password).toBe('x');
  });

  test('not from two places', () => {
    expect(mistakesOf({ ...UPSTREAM, GATEPOST_HOSTNAME: 'a', GATEPOST_HOSTNAME_FILE: '/b' }, { '/b': 'b' })[0]).toMatch(
      /^GATEPOST_HOSTNAME: is given twice/,
    );
  });
});
