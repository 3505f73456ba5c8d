// Runs with every test file: see secrets.ts.

import { afterEach, expect } from 'vitest';
import { leaksFound } from './secrets.ts';

afterEach(() => {
  expect(leaksFound(), 'passwords in what the program wrote').toEqual([]);
});
