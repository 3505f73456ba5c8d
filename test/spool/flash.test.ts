// The meter of the flash, and the disk that feeds it.

import { expect, test } from 'vitest';
import { FlashMeter, yearsLeft } from '../../src/spool/flash.ts';
import { meteredDisk } from '../../src/spool/metered-disk.ts';
import { powerLosingDisk } from '../support/fakes/disk.ts';

const DAY = 86_400_000;

test('octets and syncs are counted once they have succeeded', async () => {
  const real = powerLosingDisk();
  const meter = new FlashMeter();
  const file = await meteredDisk(real, meter).create('a');
  await file.writev([Buffer.alloc(10), Buffer.alloc(5)], 0);
  await file.datasync();
  real.onOperation = () => {
    throw new Error('EIO');
  };
  await expect(file.writev([Buffer.alloc(100)], 0)).rejects.toThrow('EIO');
  await expect(file.datasync()).rejects.toThrow('EIO');
  expect(meter.facts().total).toEqual({ octets: 15, syncs: 1 });
});

test('it counts on from earlier runs, and anew each day of running time', () => {
  const meter = new FlashMeter();
  let running = 5 * DAY;
  meter.resume({ total: { octets: 100, syncs: 10 }, today: { octets: 7, syncs: 1 }, day: 5 }, () => running);
  meter.wrote(3);
  expect(meter.facts()).toEqual({ total: { octets: 103, syncs: 10 }, today: { octets: 10, syncs: 1 }, day: 5 });
  running += DAY;
  meter.synced();
  expect(meter.facts()).toEqual({ total: { octets: 103, syncs: 11 }, today: { octets: 0, syncs: 1 }, day: 6 });
});

test('a card lasts so many years at the rate so far; the first hour says nothing', () => {
  expect(yearsLeft(1_000_000, DAY / 24 - 1, 1e9)).toBeUndefined();
  expect(yearsLeft(0, DAY, 1e9)).toBeUndefined();
  expect(yearsLeft(1_000_000, DAY, 365e6 * 2)).toBe(500);
});
