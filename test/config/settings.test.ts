import { expect, test } from 'vitest';
import { VARIABLE_GROUPS, VARIABLES } from '../../src/config/settings.ts';
import { mistakesOf, UPSTREAM } from '../support/config.ts';

test('a row becomes the field that its group and its name say', () => {
  const fields = new Map(VARIABLES.map(({ name, group, field }) => [name, `${group}.${field}`]));
  expect(fields.get('WARN_AFTER')).toBe('delivery.warnAfter');
  expect(fields.get('SPOOL_DIR')).toBe('spool.dir');
  expect(fields.get('UPSTREAM')).toBe('upstream.upstream');
  expect(fields.get('UPSTREAM_CONNECTIONS')).toBe('upstream.connections');
  expect(fields.get('MAX_CONNECTIONS_PER_DEVICE')).toBe('server.maxConnectionsPerDevice');
  expect(new Set(fields.values()).size).toBe(VARIABLES.length);
});

test('no variable stands in two groups', () => {
  expect(new Set(VARIABLES.map(({ name }) => name)).size).toBe(VARIABLES.length);
  expect(VARIABLE_GROUPS.every(({ heading, variables }) => heading !== '' && variables.length > 0)).toBe(true);
});

/** A generic account that has all but this variable, or the one of the provider that the variable is for. */
function withOAuth(name: string): Readonly<Record<string, string>> {
  const own: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    OAUTH: { GATEPOST_UPSTREAM: 'smtp://me@smtp.gmail.com' },
    OAUTH_TENANT: { GATEPOST_OAUTH: 'microsoft', GATEPOST_UPSTREAM: 'smtp://me@smtp.office365.com' },
    OAUTH_COMMAND: { GATEPOST_OAUTH: 'command' },
  };
  const all = {
    GATEPOST_UPSTREAM: 'smtp://me@h.example',
    GATEPOST_OAUTH: 'generic',
    GATEPOST_OAUTH_TOKEN_URL: 'https://login.example.org',
    GATEPOST_OAUTH_CLIENT_ID: 'x',
    GATEPOST_OAUTH_CLIENT_SECRET: 'x',
    ...own[name],
  };
  return Object.fromEntries(Object.entries(all).filter(([one]) => one !== `GATEPOST_${name}`));
}

// The other variables that an example needs beside it.
const TOGETHER: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  UPSTREAM_USERNAME: { GATEPOST_UPSTREAM_PASSWORD: 'x', GATEPOST_UPSTREAM: 'smtp://h.example' },
  UPSTREAM_PASSWORD: { GATEPOST_UPSTREAM_USERNAME: 'x', GATEPOST_UPSTREAM: 'smtp://h.example' },
  DEVICE_USERS: { GATEPOST_DEVICE_AUTH: 'required' },
  ...Object.fromEntries(
    VARIABLES.filter(({ group, name }) => group === 'oauth' && name !== 'OAUTH_SEAL').map(({ name }) => [name, withOAuth(name)]),
  ),
  UPSTREAM_CA: { GATEPOST_UPSTREAM_CA: '-----BEGIN CERTIFICATE-----' },
};

test('every example in the table is right', () => {
  for (const { name, example } of VARIABLES) {
    if (name === 'DEVICE_TLS_CERT' || name === 'DEVICE_TLS_KEY' || name === 'OAUTH_KEY') continue; // shortened
    expect(mistakesOf({ ...UPSTREAM, [`GATEPOST_${name}`]: example, ...TOGETHER[name] }), name).toEqual([]);
  }
});
