import { expect, test } from 'vitest';
import { selfSigned } from '../../scripts/lib/certificate.ts';
import type { Environment } from '../../src/config/sources.ts';
import { mistakesOf, UPSTREAM } from '../support/config.ts';

const WITHOUT_USER = { GATEPOST_UPSTREAM: 'smtp://h.example' };
const USER = { GATEPOST_UPSTREAM_USERNAME: 'x', GATEPOST_UPSTREAM_PASSWORD: 'y' };
const PIN = { GATEPOST_UPSTREAM_PIN: '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' };
const one = selfSigned();
const another = selfSigned();

test.each<[Environment, string]>([
  [
    { ...WITHOUT_USER, GATEPOST_UPSTREAM_USERNAME: 'x' },
    'GATEPOST_UPSTREAM_USERNAME and GATEPOST_UPSTREAM_PASSWORD: one is given without the other; give both, or write them into GATEPOST_UPSTREAM',
  ],
  [
    { ...UPSTREAM, ...USER },
    'GATEPOST_UPSTREAM_USERNAME and GATEPOST_UPSTREAM_PASSWORD: nobody uses them, since the URLs name users of their own; give one or the other',
  ],
  [
    { GATEPOST_UPSTREAM: 'smtp://one.example,smtp://me:z@two.example,smtps://three.example', ...USER },
    "GATEPOST_UPSTREAM_USERNAME and GATEPOST_UPSTREAM_PASSWORD: one.example and three.example would both get them; write each one's own into GATEPOST_UPSTREAM, for example smtp://me%40one.example:secret@one.example",
  ],
  [
    { GATEPOST_UPSTREAM: 'smtp+plain://u:p@192.168.1.9' },
    'GATEPOST_UPSTREAM: 192.168.1.9 is smtp+plain, and credentials never travel without TLS; use smtp:// or smtps://, or GATEPOST_UPSTREAM_AUTH=none',
  ],
  [
    { GATEPOST_UPSTREAM: 'smtp+plain://mail.example.org' },
    'GATEPOST_UPSTREAM: smtp+plain goes to loopback or private addresses only, and mail.example.org looks public; use smtp:// or smtps://',
  ],
  [
    { ...WITHOUT_USER, GATEPOST_UPSTREAM_AUTH: 'login' },
    'GATEPOST_UPSTREAM_AUTH: login needs a user and a password; for example GATEPOST_UPSTREAM_USERNAME=alerts@example.org',
  ],
  [
    { ...UPSTREAM, ...PIN, GATEPOST_UPSTREAM_CA: one.cert },
    'GATEPOST_UPSTREAM_CA and GATEPOST_UPSTREAM_PIN: a pinned key needs no authority; give one of them',
  ],
  [
    { ...UPSTREAM, GATEPOST_DEVICE_AUTH: 'required' },
    'GATEPOST_DEVICE_AUTH: required needs GATEPOST_DEVICE_USERS; for example GATEPOST_DEVICE_USERS=camera:secret',
  ],
  [{ ...UPSTREAM, GATEPOST_DEVICE_USERS: 'cam:x' }, 'GATEPOST_DEVICE_USERS: nobody asks for them unless GATEPOST_DEVICE_AUTH=required'],
  [
    { ...UPSTREAM, GATEPOST_DEVICE_TLS_CERT: one.cert },
    'GATEPOST_DEVICE_TLS_CERT and GATEPOST_DEVICE_TLS_KEY: one is given without the other; give both, or none',
  ],
  [
    { ...UPSTREAM, GATEPOST_DEVICE_TLS_CERT: one.cert, GATEPOST_DEVICE_TLS_KEY: another.key },
    'GATEPOST_DEVICE_TLS_KEY: it is not the key of GATEPOST_DEVICE_TLS_CERT',
  ],
  [
    { ...UPSTREAM, GATEPOST_DEVICE_TLS: 'off', GATEPOST_LISTEN: 'smtps://0.0.0.0:465' },
    'GATEPOST_DEVICE_TLS: is off, but GATEPOST_LISTEN has an smtps:// address; for example GATEPOST_DEVICE_TLS=own',
  ],
  [
    { ...UPSTREAM, GATEPOST_WARN_AFTER: '5d' },
    'GATEPOST_WARN_AFTER: is not before GATEPOST_EXPIRE_AFTER; for example GATEPOST_WARN_AFTER=4h',
  ],
  [
    { GATEPOST_UPSTREAM: 'smtp://h.example?from=@example.org', GATEPOST_ALLOW_SENDERS: 'cam@lan,a@example.org,@lan,*@x' },
    "GATEPOST_UPSTREAM: GATEPOST_ALLOW_SENDERS has cam@lan, which is in no upstream's ?from=; add it to one, or give an upstream without ?from=",
  ],
  [{ ...UPSTREAM, GATEPOST_RETRY_MIN: '1h' }, 'GATEPOST_RETRY_MIN: is longer than GATEPOST_RETRY_MAX; for example 1m and 30m'],
])('%j', (environment, mistake) => expect(mistakesOf(environment)).toEqual([mistake]));

test.each<[Environment]>([
  [{ GATEPOST_UPSTREAM: 'smtp+plain://u:p@192.168.1.9', GATEPOST_UPSTREAM_AUTH: 'none' }],
  [{ GATEPOST_UPSTREAM: 'smtp+plain://localhost' }],
  [{ GATEPOST_UPSTREAM: 'smtp+plain://mail.lan,smtp+plain://mail,smtp+plain://[::1]' }],
  [{ ...UPSTREAM, GATEPOST_DEVICE_TLS_CERT: one.cert, GATEPOST_DEVICE_TLS_KEY: one.key }],
])('%j is right', (environment) => expect(mistakesOf(environment)).toEqual([]));
