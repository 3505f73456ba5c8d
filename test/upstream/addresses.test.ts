// In which order the addresses of a name are tried; what becomes of a message is in the habits (first-address-*.habit).

import { isIP } from 'node:net';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/system/clock.ts';
import { Addresses } from '../../src/upstream/addresses.ts';
import { fakeClock } from '../support/fakes/clock.ts';

const never = new AbortController().signal;

function of(found: readonly string[], clock = fakeClock()) {
  const addresses = new Addresses('up.example', clock, (_name, _options, tell) =>
    tell(
      null,
      found.map((address) => ({ address, family: isIP(address) })),
    ),
  );
  return { addresses, clock };
}

test('in the order of the answer', async () => {
  expect(await of(['2001:db8::1', '192.0.2.1', '192.0.2.1']).addresses.find(never)).toEqual(['2001:db8::1', '192.0.2.1']);
});

test('those that failed stand last, the longest ago first, until they work again', async () => {
  const { addresses } = of(['192.0.2.1', '192.0.2.2', '192.0.2.3']);
  addresses.failed('192.0.2.2');
  addresses.failed('192.0.2.1');
  expect(await addresses.find(never)).toEqual(['192.0.2.3', '192.0.2.2', '192.0.2.1']);
  addresses.failed('192.0.2.2');
  expect(await addresses.find(never)).toEqual(['192.0.2.3', '192.0.2.1', '192.0.2.2']);
  addresses.worked('192.0.2.1');
  expect(await addresses.find(never)).toEqual(['192.0.2.1', '192.0.2.3', '192.0.2.2']);
});

test('for an hour', async () => {
  const { addresses, clock } = of(['192.0.2.1', '192.0.2.2']);
  addresses.failed('192.0.2.1');
  await clock.advance(3_600_001);
  expect(await addresses.find(never)).toEqual(['192.0.2.1', '192.0.2.2']);
});

test('an address is its own, and no name is asked for', async () => {
  expect(await new Addresses('192.0.2.9', systemClock).find(never)).toEqual(['192.0.2.9']);
});

test('a name that does not exist, or has no address, or is never answered', async () => {
  const missing = new Addresses('up.example', systemClock, (_name, _options, tell) =>
    tell(Object.assign(new Error('x'), { code: 'ENOTFOUND' }), []),
  );
  await expect(missing.find(never)).rejects.toThrow('the name up.example does not exist');
  await expect(of([]).addresses.find(never)).rejects.toThrow('has no address');
  const stop = new AbortController();
  const silent = new Addresses('up.example', systemClock, () => {}).find(stop.signal);
  stop.abort();
  await expect(silent).rejects.toThrow('stopping');
});
