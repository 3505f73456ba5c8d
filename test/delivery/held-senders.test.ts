import { expect, test } from 'vitest';
import { HeldSenders } from '../../src/delivery/held-senders.ts';
import type { Monotonic } from '../../src/system/clock.ts';

const at = (milliseconds: number) => milliseconds as Monotonic;
/** Always draws the longest wait. */
const random = { fraction: () => 1, bytes: () => Buffer.alloc(0) };
const CAM = { localPart: 'cam', domain: 'lan.example' };
const NAS = { localPart: 'nas', domain: 'lan.example' };

test('a sender waits longer with each refusal, at one upstream, and others do not', () => {
  const held = new HeldSenders(random, { min: 1_000, max: 4_000 });
  expect(held.refused('up', CAM, 'no', at(0))).toBe(1_000);
  expect(held.find('up', { ...CAM, domain: 'LAN.example' }, at(999))).toMatchObject({ until: 1_000, problem: 'no' });
  expect(held.find('up', NAS, at(0))).toBeUndefined();
  expect(held.find('other', CAM, at(0))).toBeUndefined();
  expect(held.find('up', CAM, at(1_000))).toBeUndefined();
  expect(held.refused('up', CAM, 'no', at(1_000))).toBe(3_000);
  expect(held.refused('up', CAM, 'no', at(1_500))).toBe(3_000); // was under way together with the one before
});

test('one that is taken waits no more', () => {
  const held = new HeldSenders(random, { min: 1_000, max: 4_000 });
  held.refused('up', null, 'no', at(0));
  held.taken('up', null);
  expect(held.find('up', null, at(0))).toBeUndefined();
});

test('the senders that are remembered are limited', () => {
  const held = new HeldSenders(random, { min: 1_000, max: 4_000 });
  for (let count = 0; count <= 500; count++) held.refused('up', { localPart: `cam${count}`, domain: 'x' }, 'no', at(0));
  expect(held.find('up', { localPart: 'cam0', domain: 'x' }, at(0))).toBeUndefined();
  expect(held.find('up', { localPart: 'cam500', domain: 'x' }, at(0))).toBeDefined();
});
