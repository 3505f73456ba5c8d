// No mistake in the configuration shows a secret, wherever the owner of the board put it: mistakes are printed, land in
// the journal, and are sent to those who are asked for help.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VARIABLES } from '../../src/config/settings.ts';
import { mistakesOf, UPSTREAM } from '../support/config.ts';

/** Nothing that stands in a mistake for another reason. */
const SECRET = 'hunter2';

// What people write into the wrong variable, or with characters that a URL may not have as they are.
const PLACES = [
  ...['cam:@', 'cam:@,', '@:cam', 'cam:x@', ':@', 'cam:1,@', '1,cam:@'],
  ...['me:@#host', 'me:@!#host.example', 'me:x#@', 'me#@', '@#host', '<me:@#host>', '"@"#host'],
  ...['smtp://me:@#host', 'smtp://me:@#host!', 'smtp://me:x#@', 'smtp://me:x#@!', 'smtp://@#host!', 'smtps://@:25', 'smtp://me:x,@#host'],
  ...[
    'smtp://me:@#host:99999',
    'smtp://me:x#@:99999',
    'http://me:@#host',
    'smtp+plain://me:x#@',
    'smtp+plain://me:x#@.example',
    'me:@#127.0.0.1:25',
    '127.0.0.1:@',
    '[::1]:@',
    '::1/@',
  ],
  ...['/run/@:x', '@/24#host', `@ ${'x'.repeat(50)}`, `${'x'.repeat(70)}@`],
].map((place) => place.replaceAll('@', SECRET).replaceAll('#', '@'));

/** Of these the whole value is secret, or a part that may stand anywhere. */
const HOLDS_SECRETS = /^(?:UPSTREAM|UPSTREAM_(?:USERNAME|PASSWORD)|DEVICE_USERS|DEVICE_TLS_KEY|DEVICE_TLS_CERT|UPSTREAM_CA)$/;

const show = (environment: Record<string, string>, files: Record<string, string> = {}) =>
  mistakesOf({ ...UPSTREAM, ...environment }, files).join('\n');

test.each(VARIABLES.map(({ name }) => name))('GATEPOST_%s, wherever the secret stands in it', (name) => {
  for (const value of HOLDS_SECRETS.test(name) ? [SECRET, ...PLACES] : PLACES) {
    expect(show({ [`GATEPOST_${name}`]: value }), value).not.toContain(SECRET);
    expect(show({ [`GATEPOST_${name}`]: '', [`GATEPOST_${name}_FILE`]: value }), value).not.toContain(SECRET);
    if (name !== 'UPSTREAM') expect(show({ [`GATEPOST_${name}_FILE`]: '/f' }, { '/f': value }), value).not.toContain(SECRET);
  }
});

test.each(VARIABLES.map(({ name }) => name))('GATEPOST_%s_FILE, which is not the value', (name) => {
  const { [`GATEPOST_${name}`]: _, ...others } = UPSTREAM as Record<string, string>;
  for (const value of [SECRET, `/${SECRET}`, ...PLACES]) {
    const mistakes = mistakesOf({ ...others, [`GATEPOST_${name}_FILE`]: value });
    expect(mistakes.filter((one) => one.startsWith(`GATEPOST_${name}: `))).toHaveLength(1);
    expect(mistakes.join('\n'), value).not.toContain(SECRET);
  }
});

test('any text with a colon or an at sign in it', () => {
  const around = fc.stringMatching(/^[ -~]{0,8}$/);
  const value = fc
    .tuple(around, around, fc.constantFrom(':', '@'))
    .map(([before, after, sign]) => [`${before}${sign}${SECRET}${after}`, `${before}${SECRET}${sign}${after}`]);
  fc.assert(
    fc.property(fc.constantFrom(...VARIABLES), value, ({ name }, values) => {
      for (const one of values) expect(show({ [`GATEPOST_${name}`]: one })).not.toContain(SECRET);
    }),
    { numRuns: 2_000 },
  );
});
