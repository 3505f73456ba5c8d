// Runs every transcript in this folder, in all modes.

import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as replies from '../../src/server/replies.ts';
import type { Reply } from '../../src/smtp/reply.ts';
import { MODES, reachedReplies, readDialog, runDialog } from '../support/dialog.ts';

const HERE = new URL('.', import.meta.url).pathname;
const files = readdirSync(HERE, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.dialog'))
  .sort();

describe.each(files)('%s', (file) => {
  const dialog = readDialog(HERE + file);
  const modes = dialog.settings.includes('one-piece')
    ? (['all at once'] as const)
    : dialog.settings.includes('lockstep')
      ? MODES.filter((mode) => mode !== 'all at once')
      : MODES;
  test.each(modes)('%s', (mode) => runDialog(dialog, mode));
});

// Replies that no dialog of one session can reach; their own tests stand in server/listener.test.ts and server/session.test.ts.
const ELSEWHERE = new Set(['notAllowed', 'tooManyConnections', 'tooManyFromDevice', 'stopping', 'fault']);

test('every sentence the server can say is said in some dialog', () => {
  const fixed = Object.entries(replies).filter(
    (entry): entry is [string, Reply] => typeof entry[1] === 'object' && !ELSEWHERE.has(entry[0]),
  );
  const said = [...reachedReplies].join('\n');
  expect(fixed.length).toBeGreaterThan(15);
  for (const [name, reply] of fixed) expect(said, name).toContain(String(reply.text));
});
