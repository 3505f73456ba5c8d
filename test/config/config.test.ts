import { expect, test } from 'vitest';
import { selfSigned } from '../../scripts/lib/certificate.ts';
import { parseRelayLocation } from '../../src/config/config.ts';
import { configOf, UPSTREAM } from '../support/config.ts';

test('the defaults', () => {
  expect(configOf()).toMatchObject({
    upstream: {
      targets: [
        { security: 'starttls', host: 'smtp.example.org', port: 587, credentials: { username: 'user', password: 'secret' }, auth: 'auto' },
      ],
      trust: { ca: undefined, pin: undefined, bundle: undefined },
      connections: 2,
      rate: undefined,
    },
    server: {
      listen: [
        { host: '0.0.0.0', port: 25, tls: false },
        { host: '::', port: 25, tls: false },
      ],
      deviceAuth: 'off',
      deviceUsers: [],
      maxMessage: 25 * 2 ** 20,
      maxConnectionsPerDevice: 10,
    },
    rewriting: { sender: undefined, recipient: undefined, defaultDomain: undefined },
    delivery: { retry: { min: 60_000, max: 1_800_000 }, expireAfter: 5 * 86_400_000, warnAfter: undefined },
    spool: { dir: '/var/spool/gatepost', size: 64 * 2 ** 20 },
    relay: { controlSocket: '/var/spool/gatepost/control.sock' },
    log: { level: 'info', format: 'text' },
  });
});

test('no secret stays in the configuration beside the place where it is used', () => {
  const given = {
    GATEPOST_UPSTREAM: 'smtp://h.example',
    GATEPOST_UPSTREAM_USERNAME: 'me',
    GATEPOST_UPSTREAM_PASSWORD: 'hunter2',
  };
  const { upstream, ...others } = configOf(given);
  expect(upstream.targets[0]?.credentials).toEqual({ username: 'me', password: 'hunter2' });
  expect(JSON.stringify({ ...others, upstream: { ...upstream, targets: [] } })).not.toContain('hunter2');
});

test('several upstreams', () => {
  const { targets } = configOf({ GATEPOST_UPSTREAM: 'smtp://u:p@one.example, smtps://two.example' }).upstream;
  expect(targets.map(({ host }) => host)).toEqual(['one.example', 'two.example']);
});

test('a user in a URL comes before the one beside it, and no provider gets the credentials of another', () => {
  const environment = {
    GATEPOST_UPSTREAM: 'smtp://one.example,smtp://me:sesame@two.example,smtps://ONE.example',
    GATEPOST_UPSTREAM_USERNAME: 'x',
    GATEPOST_UPSTREAM_PASSWORD: 'y',
  };
  expect(configOf(environment).upstream.targets.map(({ credentials }) => credentials)).toEqual([
    { username: 'x', password: 'y' },
    { username: 'me', password: 'sesame' },
    { username: 'x', password: 'y' },
  ]);
});

test.each([
  [{}, 'off'],
  [{ GATEPOST_DEVICE_TLS: 'own' }, 'off'],
  [{ GATEPOST_DEVICE_TLS: 'self-signed' }, 'offered'],
  [{ GATEPOST_DEVICE_TLS: 'required' }, 'required'],
  [{ GATEPOST_DEVICE_TLS: 'off' }, 'off'],
] as const)('STARTTLS with %j: %s', (environment, offer) => {
  expect(configOf({ ...UPSTREAM, ...environment }).server.deviceTls.startTls).toBe(offer);
});

test('STARTTLS is offered by default once there is a certificate of the owner', () => {
  const { cert, key } = selfSigned();
  const environment = { ...UPSTREAM, GATEPOST_DEVICE_TLS_CERT: cert, GATEPOST_DEVICE_TLS_KEY: key };
  expect(configOf(environment).server.deviceTls).toEqual({
    startTls: 'offered',
    minimum: '1.2',
    own: { cert: cert.trim(), key: key.trim() },
  });
  expect(configOf({ ...environment, GATEPOST_DEVICE_TLS: 'off' }).server.deviceTls.startTls).toBe('off');
});

test('where a relay is found needs no other variable, right or wrong', () => {
  const noFiles = () => {
    throw new Error('no file is read');
  };
  expect(parseRelayLocation({ GATEPOST_SPOOL_SIZE: 'x', GATEPOST_FOO: '1' }, noFiles)).toEqual({
    spoolDir: '/var/spool/gatepost',
    controlSocket: '/var/spool/gatepost/control.sock',
  });
  expect(parseRelayLocation({ GATEPOST_SPOOL_DIR: '/s', GATEPOST_CONTROL_SOCKET: '/run/c' }, noFiles)).toEqual({
    spoolDir: '/s',
    controlSocket: '/run/c',
  });
  expect(parseRelayLocation({ GATEPOST_SPOOL_DIR: 's' }, noFiles)).toEqual({
    mistakes: ['GATEPOST_SPOOL_DIR: "s" is no absolute path; for example GATEPOST_SPOOL_DIR=/data/gatepost'],
  });
});
