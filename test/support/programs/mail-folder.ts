// A mail folder (maildir) that a real server delivers into.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type MailFolder = {
  /** The messages that are there. */
  messages(): readonly Buffer[];
  /** Resolves once at least `count` messages are there. */
  waitFor(count: number): Promise<readonly Buffer[]>;
};

/** `path`: the maildir's `new`. */
export function mailFolder(path: string): MailFolder {
  const messages = () => {
    try {
      return readdirSync(path).map((name) => readFileSync(join(path, name)));
    } catch {
      return []; // nothing was delivered yet
    }
  };
  return {
    messages,
    async waitFor(count) {
      while (messages().length < count) await new Promise((resolve) => setTimeout(resolve, 50));
      return messages();
    },
  };
}
