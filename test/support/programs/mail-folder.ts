// A mail folder (maildir) that a real server delivers into.

import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { changesUntil } from '../folders.ts';

/** Its `new`, where complete messages are. */
export type MailFolder = {
  /** The messages that are there. */
  messages(): readonly Buffer[];
  /** Resolves once at least `count` messages are there. */
  waitFor(count: number): Promise<readonly Buffer[]>;
};

/** Makes the maildir at `path`, for the user of any server to write into. */
export function mailFolder(path: string): MailFolder {
  for (const folder of [path, ...['new', 'tmp', 'cur'].map((name) => join(path, name))]) {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o777);
  }
  const names = () => readdirSync(join(path, 'new'));
  const messages = () => names().map((name) => readFileSync(join(path, 'new', name)));
  return {
    messages,
    async waitFor(count) {
      await changesUntil(join(path, 'new'), () => names().length >= count);
      return messages();
    },
  };
}
