// Every habit in this folder, played by a provider in front of a whole relay: see support/habits.ts.

import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runHabit } from '../support/habit-run.ts';

const HERE = new URL('.', import.meta.url).pathname;
const files = readdirSync(HERE)
  .filter((name) => name.endsWith('.habit'))
  .sort();

test.each(files)('%s', { timeout: 60_000 }, async (file) => {
  const { wrong, story } = await runHabit(HERE + file);
  if (wrong.length > 0 && process.env['STORY'] !== undefined) process.stdout.write(`${file}\n  ${story.join('\n  ')}\n`);
  expect(wrong, wrong.join('\n')).toEqual([]);
});
