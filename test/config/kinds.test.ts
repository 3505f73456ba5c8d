import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import * as kinds from '../../src/config/kinds.ts';
import { configOf, mistakesOf, UPSTREAM } from '../support/config.ts';

test.each([
  ['smtps://mail.example.org', { security: 'tls', port: 465, credentials: undefined }],
  ['smtp://a%40b:p%3Aq%2C@[2001:db8::1]:2525', { host: '2001:db8::1', port: 2525, credentials: { username: 'a@b', password: 'p:q,' } }],
  ['smtp+plain://192.168.1.9', { security: 'plain', port: 25 }],
])('upstream %s', (url, upstream) => expect(v.parse(kinds.upstreams, url)).toMatchObject([upstream]));

test('upstreams for some senders', () => {
  const urls = v.parse(
    kinds.upstreams,
    'smtps://a:b@one.example?from=@example.org,cam@lan, smtp://two.example:25 ,SMTP+PLAIN://[::1]?from=*',
  );
  expect(urls.map(({ host, port, senders }) => ({ host, port, senders }))).toEqual([
    { host: 'one.example', port: 465, senders: ['@example.org', 'cam@lan'] },
    { host: 'two.example', port: 25, senders: undefined },
    { host: '::1', port: 25, senders: ['*'] },
  ]);
  for (const wrong of [
    'smtp://a.example?from=',
    'smtp://a.example?from=@x,b.example:25',
    'smtp://a.example?to=x@y',
    'smtp://a.example,b.example',
  ])
    expect(v.safeParse(kinds.upstreams, wrong).success).toBe(false);
});

test.each(['two words ', ' leading', 'x\t'])('the password %j is taken as it is', (password) => {
  const given = { GATEPOST_UPSTREAM: 'smtp://h.example', GATEPOST_UPSTREAM_USERNAME: 'x' };
  const passwordOf = (environment: Record<string, string>, files?: Record<string, string>) =>
    configOf({ ...given, ...environment }, files).upstream.targets[0]?.credentials?.password;
  expect(passwordOf({ GATEPOST_UPSTREAM_PASSWORD: password })).toBe(password);
  expect(passwordOf({ GATEPOST_UPSTREAM_PASSWORD_FILE: '/p' }, { '/p': `${password}\n` })).toBe(password);
  expect(v.parse(kinds.deviceUsers, `cam:${password}\r\n`)).toEqual([{ name: 'cam', secret: { kind: 'plain', password } }]);
});

test('words for networks that change', () => {
  expect(v.parse(kinds.allowed, '10.0.0.0/8, LAN')).toEqual({
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
])('size %s', (text, octets) => expect(v.parse(kinds.size(1), text)).toBe(octets));

test.each([
  ['90s', 90_000],
  ['1.5h', 5_400_000],
  ['5d', 432_000_000],
])('duration %s', (text, milliseconds) => expect(v.parse(kinds.duration(1), text)).toBe(milliseconds));

test.each([
  ['30/m', { count: 30, per: 60_000 }],
  ['1 / d', { count: 1, per: 86_400_000 }],
])('rate %s', (text, rate) => expect(v.parse(kinds.rate, text)).toEqual(rate));

describe('a value that is wrong is one line with the variable and an example', () => {
  test.each<[string, string, RegExp]>([
    ['SPOOL_SIZE', '64X', /: "64X" is no size; its unit is k, M, G, KiB, MiB, GiB; for example GATEPOST_SPOOL_SIZE=256MiB$/],
    ['SPOOL_SIZE', '1MiB', /: less than 8388608/],
    ['RETRY_MIN', '5 parsecs', /: .*duration/],
    ['LISTEN', '127.0.0.1:25, localhost:25', /: entry 2 is no address:port/],
    ['LISTEN', '1.2.3.4:99999', /: entry 1 is no address:port/],
    ['LISTEN', 'localhost', /: "localhost" is no address:port/],
    ['ALLOW', '192.168.1.0/33', /: "192.168.1.0\/33" is no network/],
    ['HOSTNAME', 'a b', /: "a b" is no host name/],
    ['LOG_LEVEL', 'loud', /: "loud" is none of debug, info, warn, error/],
    ['SPOOL_DIR', 'spool', /: "spool" is no absolute path/],
    ['MAX_RECIPIENTS', '0', /: "0" is no whole number from 1 to 1000/],
    ['UPSTREAM', 'http://x', /: not of the form/],
    ['UPSTREAM', 'smtp://u:p%zz@h', /: .*is written %25/],
    ['UPSTREAM_PIN', 'abc', /: "abc" is no base64 SHA-256/],
    ['UPSTREAM_CA', 'abc', /: no PEM certificate is in it/],
    ['DEVICE_RATE', 'often', /: "often" is no rate/],
    ['SENDER', 'nobody', /: "nobody" is no address/],
    ['SENDER', 'me:hunter2@h', /: the value is no address/],
    ['ALLOW_SENDERS', 'word', /: "word" is no address, @domain or \* pattern/],
    ['DEVICE_USERS', 'cam', /: line 1 is not user:password/],
    ['DEVICE_USERS', 'cam:a\ncam:b', /: a user is named twice/],
    ['DEVICE_USERS', 'cam:$scrypt$ln=99', /: the password in line 1 is no hash that is understood here/],
  ])('%s=%j', (name, value, mistake) => {
    const mistakes = mistakesOf({ ...UPSTREAM, [`GATEPOST_${name}`]: value });
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toMatch(new RegExp(`^GATEPOST_${name}${mistake.source}`));
    expect(mistakes[0]).not.toContain('\n');
  });
});
