import { test } from 'vitest';
import { openSpool } from '../../src/spool/spool.ts';
import { runGenerations } from '../support/spool/generations.ts';

test(
  'the power goes at every operation while segments are used again, and while one is given up: nothing is lost or comes back',
  {
    timeout: 120_000,
  },
  () => runGenerations({ open: openSpool }),
);
