// Which upstreams take the mail of a sender.

import { expect, test } from 'vitest';
import { upstreamsFor } from '../../src/vocabulary/sender-route.ts';

const one = { name: 'one', senders: ['@example.org', 'cam@lan'] };
const two = { name: 'two', senders: ['*@example.org', '<>'] };
const rest = { name: 'rest' };

test.each([
  ['door@example.org', [one, two, rest], ['one', 'two']],
  ['CAM@LAN', [one, two, rest], ['one']],
  ['door@lan', [one, rest], ['rest']],
  ['door@lan', [one, two], []],
  ['<>', [one, two, rest], ['two']],
  ['<>', [one, rest], ['rest']],
  ['<>', [one], ['one']],
] as const)('%s among %o', (sender, upstreams, names) => {
  const [localPart = '', domain = ''] = sender.split('@');
  const path = sender === '<>' ? null : { localPart, domain };
  expect(upstreamsFor<{ readonly name: string; readonly senders?: readonly string[] }>(upstreams, path).map(({ name }) => name)).toEqual(
    names,
  );
});
