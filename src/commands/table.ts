// THE table of commands: how each is used, what it does, and its file, which is loaded when the command is given.
// main.ts, `gatepost help`, each command's `--help` and the README's table are made from it; a new command is a row and
// a file.

import { OAUTH_VERBS } from './oauth-verbs.ts';
import { QUEUE_VERBS } from './queue-verbs.ts';
import type { Usage } from './usage.ts';

/** What the file of a command exports. */
export type CommandFile = {
  /** Runs the command with the words behind its name; a mistake of the user is printed and sets the exit code. */
  run(argv: readonly string[]): Promise<void>;
};

/** A row: at least one way to use the command. */
type CommandRow = { readonly usages: readonly Usage[]; readonly load: () => Promise<CommandFile> };

/** In the order of `gatepost help`. */
export const COMMANDS = {
  run: {
    usages: [
      {
        words: '',
        isDefault: true,
        summary: 'the relay',
        details: 'SIGTERM, SIGINT and SIGQUIT stop it in order; SIGUSR2 and SIGHUP make it try everything that waits now.',
      },
    ],
    load: () => import('./run.ts'),
  },
  check: {
    usages: [
      {
        words: '[--connect]',
        summary: 'the configuration, explained; with `--connect` each upstream tried up to the recipient, without sending anything',
        details:
          'Where there are mistakes it prints one line for each, and the exit code is 78. `--connect` shows each step: the address, the certificate, what is offered, the login, the largest message, and whether the sender and a recipient are taken.',
      },
    ],
    load: () => import('./check.ts'),
  },
  'send-test': {
    usages: [
      {
        words: 'ADDRESS',
        example: 'owner@example.org',
        summary: 'sends a message to ADDRESS, step by step',
        details: 'It goes over the first upstream that takes it, whether or not a relay is running.',
      },
    ],
    load: () => import('./send-test.ts'),
  },
  config: {
    usages: [{ words: '[--json]', summary: 'every variable with its default and meaning' }],
    load: () => import('./config.ts'),
  },
  'hash-password': {
    usages: [{ words: '', summary: 'a password from standard input as a hash for `GATEPOST_DEVICE_USERS`' }],
    load: () => import('./hash-password.ts'),
  },
  status: {
    usages: [
      {
        words: '[--watch | --json]',
        summary: 'what the running relay is doing',
        details:
          "It shows the queue, the upstreams, the spool, and how much was written to the flash, with an estimate of the card's life (500 writes of each cell, and as much written again by the file system and the card).",
      },
    ],
    load: () => import('./status.ts'),
  },
  queue: { usages: Object.values(QUEUE_VERBS), load: () => import('./queue.ts') },
  oauth: { usages: Object.values(OAUTH_VERBS), load: () => import('./oauth.ts') },
  spool: {
    usages: [
      {
        words: 'verify [DIR... | -]',
        summary: 'reads spools at rest, changes nothing, prints a JSON line for each folder',
        details:
          'With `-` it reads the folders from standard input, one a line. A line is `{"messages":[{"id","octets","bodySha256"}],"damage":[...]}`; the digest is of what follows the header section.',
      },
    ],
    load: () => import('./spool.ts'),
  },
  version: {
    usages: [{ words: '', summary: 'version, commit, runtime and architecture' }],
    load: () => import('./version.ts'),
  },
  help: {
    usages: [{ words: '', summary: 'all commands; `gatepost COMMAND --help` says more about one' }],
    load: () => import('./help.ts'),
  },
} as const satisfies Readonly<Record<string, CommandRow>>;

/** The name of a command. */
export type CommandName = keyof typeof COMMANDS;

/** Whether there is such a command. */
export const isCommand = (word: string): word is CommandName => Object.hasOwn(COMMANDS, word);

/** All rows with their names, in the table's order. */
export const COMMAND_ROWS: readonly (readonly [name: string, row: CommandRow])[] = Object.entries(COMMANDS);
