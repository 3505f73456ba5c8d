import { describe, expect, test } from 'vitest';
import type { Environment } from '../../src/config/sources.ts';
import { configOf, mistakesOf, UPSTREAM } from '../support/config.ts';

describe('where a value may come from', () => {
  const given = { GATEPOST_UPSTREAM: 'smtp://h.example', GATEPOST_UPSTREAM_USERNAME: 'u' };
  const passwordOf = (environment: Environment, files: Record<string, string>) =>
    configOf({ ...given, ...environment }, files).upstream.targets[0]?.credentials?.password;

  test('a file, its last line end dropped', () => {
    expect(passwordOf({ GATEPOST_UPSTREAM_PASSWORD_FILE: '/p' }, { '/p': 'se cret\n' })).toBe('se cret');
  });

  test('a systemd credential', () => {
    expect(passwordOf({ CREDENTIALS_DIRECTORY: '/run/c' }, { '/run/c/gatepost_upstream_password': 'x' })).toBe('x');
  });

  test('not from two places', () => {
    expect(mistakesOf({ ...UPSTREAM, GATEPOST_HOSTNAME: 'a', GATEPOST_HOSTNAME_FILE: '/b' }, { '/b': 'b' })).toEqual([
      'GATEPOST_HOSTNAME: is given twice, also as GATEPOST_HOSTNAME_FILE; for example GATEPOST_HOSTNAME=gate.example.org',
    ]);
  });
});

describe('mistakes', () => {
  test.each<[Environment, RegExp]>([
    [{}, /^GATEPOST_UPSTREAM: is required; for example GATEPOST_UPSTREAM=smtp:/],
    [{ ...UPSTREAM, GATEPOST_FOO: '1' }, /^GATEPOST_FOO: there is no such variable; "gatepost config" lists them all$/],
    [{ ...UPSTREAM, GATEPOST_FOO_FILE: '/x' }, /^GATEPOST_FOO_FILE: there is no such variable/],
    [
      { ...UPSTREAM, GATEPOST_UPSTREAM_CA_FILE: '/nowhere' },
      /^GATEPOST_UPSTREAM_CA: the file whose path is in GATEPOST_UPSTREAM_CA_FILE can't be read: no such file or directory;/,
    ],
  ])('%j', (environment, mistake) => {
    const mistakes = mistakesOf(environment);
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toMatch(mistake);
  });

  test('all of them at once', () => {
    expect(mistakesOf({ GATEPOST_SPOOL_SIZE: 'x', GATEPOST_LISTEN: 'y', GATEPOST_BAR: 'z' })).toHaveLength(4);
  });

  test('none shows a secret', () => {
    for (const url of ['smtp://user:hunter2@', 'smtp://user:hunter2@bad host', 'hunter2', 'smtp://u:hunter2%@h']) {
      expect(mistakesOf({ GATEPOST_UPSTREAM: url }).join()).not.toContain('hunter2');
    }
  });
});
