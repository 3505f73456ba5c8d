import { expect, test } from 'vitest';
import { explain } from '../../src/commands/explain.ts';
import { configOf } from '../support/config.ts';

test('the least that can be configured', () => {
  const config = configOf({ GATEPOST_UPSTREAM: 'smtp://me:hunter2@smtp.example.org', GATEPOST_HOSTNAME: 'gate.example' });
  expect(explain(config)).toEqual([
    'Devices reach this relay, gate.example, at 0.0.0.0:25 and [::]:25',
    '  from 127.0.0.0/8, ::1/128, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 169.254.0.0/16, fc00::/7, fe80::/10, not its router',
    '  with at most 100 connections in all and 10 from one address',
    '  without logging in',
    '  without STARTTLS',
    'Mail goes to smtp.example.org:587, STARTTLS required',
    '  logging in as me (the strongest mechanism offered)',
    '  trusting the built-in and system certificate authorities',
    '  over at most 2 connections',
    'Messages of up to 25 MiB to at most 100 recipients are kept in /var/spool/gatepost, which may take 64 MiB',
    'A deferred message is tried again after 1 minutes, then ever later, up to 30 minutes; it is given up after 5.0 days',
    'Notifications of what was not delivered go to the sender',
    'The configuration is right.',
  ]);
});

test('what else may be configured has its sentences, and no secret is among them', () => {
  const lines = explain(
    configOf({
      GATEPOST_UPSTREAM: 'smtp://me:hunter2%20@one.example,smtps://two.example,smtp+plain://192.168.1.9',
      GATEPOST_UPSTREAM_PIN: '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
      GATEPOST_UPSTREAM_RATE: '30/m',
      GATEPOST_LISTEN: 'smtps://[::1]:465',
      GATEPOST_ALLOW: '10.0.0.0/8,lan,gateway',
      GATEPOST_ALLOW_SENDERS: '@example.org',
      GATEPOST_ALLOW_RECIPIENTS: 'owner@example.org',
      GATEPOST_DEVICE_AUTH: 'required',
      GATEPOST_DEVICE_USERS: 'camera:sesame\nups:sesame',
      GATEPOST_DEVICE_TLS: 'required',
      GATEPOST_DEVICE_RATE: '3/m',
      GATEPOST_SENDER: 'alerts@example.org',
      GATEPOST_RECIPIENT: 'owner@example.org',
      GATEPOST_DEFAULT_DOMAIN: 'example.org',
      GATEPOST_SPOOL_SIZE: '8MiB',
      GATEPOST_WARN_AFTER: '4h',
      GATEPOST_BOUNCE_TO: 'owner@example.org',
    }),
  );
  for (const line of [
    '  from 10.0.0.0/8, the networks that this board is in, its router',
    '  logging in as one of the users: camera, ups',
    '  with STARTTLS only, TLS 1.2 or newer, by a certificate made here',
    '  sending at most 3 messages in 60 s from one address',
    '  from the senders @example.org only',
    '  to the recipients owner@example.org only',
    'Every message is sent as alerts@example.org',
    'Every message goes to owner@example.org, whoever it was for',
    'Addresses without a domain are completed with example.org',
    'Mail goes to one.example:587, STARTTLS required',
    '  logging in as me, whose password begins or ends with a blank (the strongest mechanism offered)',
    '  or, while that is down, to two.example:465, TLS from the first byte',
    '  or, while that is down, to 192.168.1.9:25, without TLS',
    "  trusting only the server's key 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    '  over at most 2 connections, 30 messages in 60 s',
    '  (GATEPOST_MAX_MESSAGE is 25 MiB, but a spool of that size can hold 2.8 MiB at most)',
    '  its sender is told after 240 minutes that it is late',
    'Notifications of what was not delivered go to owner@example.org',
  ])
    expect(lines).toContain(line);
  expect(lines.join('\n')).not.toMatch(/hunter2|sesame/);
});

test.each([
  ['smtp://up.example:465', 'smtps:// is meant'],
  ['smtps://up.example:587', 'smtp:// is meant'],
])('a port of the other way to begin TLS is remarked: %s', (upstream, remark) => {
  expect(explain(configOf({ GATEPOST_UPSTREAM: upstream })).join('\n')).toContain(remark);
});

test('a bare name for EHLO is remarked, if it was chosen', () => {
  const lines = (more: Record<string, string>) => explain(configOf({ GATEPOST_UPSTREAM: 'smtp://up.example', ...more })).join('\n');
  expect(lines({ GATEPOST_HOSTNAME: 'pi' })).toMatch(/without a dot in EHLO.*GATEPOST_HOSTNAME is pi\)/);
  expect(lines({ GATEPOST_HOSTNAME: 'pi.example.org' })).not.toContain('without a dot');
});
