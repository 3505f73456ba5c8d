// Every habit in this folder, played by a provider in front of a whole relay: see support/habits.ts. With STORY=1
// in the environment, the log and the provider's count of one that fails are shown.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { runHabit } from '../support/habits/run.ts';

const HERE = new URL('.', import.meta.url).pathname;
const files = readdirSync(HERE)
  .filter((name) => name.endsWith('.habit'))
  .sort();

describe.each(files)('%s', (file) => {
  test('says what it is and where it comes from', () => {
    expect(readFileSync(HERE + file, 'utf8')).toMatch(/^# \S.*\n(?:#.*\n)*# source: \S/);
  });

  test('comes to what it must', { timeout: 60_000 }, async () => {
    const { wrong, story } = await runHabit(HERE + file);
    if (wrong.length > 0 && process.env['STORY'] !== undefined) process.stdout.write(`${file}\n  ${story.join('\n  ')}\n`);
    expect(wrong, wrong.join('\n')).toEqual([]);
  });
});
