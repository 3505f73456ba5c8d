// Tokens from a program or a file of the owner's. The program runs without a shell, with few variables, and is killed
// with all that it started when it takes too long.

import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, open } from 'node:fs/promises';
import type { Clock } from '../system/clock.ts';
import { problemOf } from '../system/problem.ts';
import type { OAuthAccount } from '../vocabulary/oauth-account.ts';
import { quoteServer, unavailable } from './failure.ts';
import type { Obtained } from './renewal.ts';

// In ms. Programs that ask a vault or a cloud take some seconds on a board.
const PATIENCE = 60_000;
const LARGEST_OUTPUT = 16 * 1024;
// What the program may need to know of its surroundings.
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'SSL_CERT_FILE', 'XDG_RUNTIME_DIR', 'XDG_CONFIG_HOME'];

type Ran = { readonly code: number | string; readonly output: string; readonly complaint: string };

/**
 * Gets a token: the first line that the program prints, or that the file holds. The program finds the account in
 * GATEPOST_OAUTH_USER and the upstream's name in GATEPOST_OAUTH_HOST.
 */
export async function obtainByCommand(command: string, account: Pick<OAuthAccount, 'host' | 'username'>, clock: Clock): Promise<Obtained> {
  const [program = '', ...words] = command.trim().split(/\s+/);
  const output =
    words.length === 0 && !(await isExecutable(program)) ? await readSmall(program) : await run(program, words, account, clock);
  const accessToken = output.split(/\r?\n/, 1)[0]?.trim() ?? '';
  if (!/^[\x21-\x7e]+$/.test(accessToken)) throw unavailable('GATEPOST_OAUTH_COMMAND gives no token in its first line');
  return { accessToken, lifetime: undefined };
}

const isExecutable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => !path.includes('/'), // a name that is looked for in PATH
  );

async function readSmall(path: string): Promise<string> {
  try {
    const file = await open(path);
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(LARGEST_OUTPUT), 0, LARGEST_OUTPUT, 0);
      return buffer.subarray(0, bytesRead).toString('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    throw unavailable(`GATEPOST_OAUTH_COMMAND can't be read: ${problemOf(error)}`);
  }
}

async function run(
  program: string,
  words: readonly string[],
  account: Pick<OAuthAccount, 'host' | 'username'>,
  clock: Clock,
): Promise<string> {
  const { code, output, complaint } = await finished(program, words, account, clock);
  if (code === 0) return output;
  const said = quoteServer(complaint, [output.trim()]);
  throw unavailable(`GATEPOST_OAUTH_COMMAND fails (${code})${said === '' ? '' : `: ${said}`}`);
}

function finished(program: string, words: readonly string[], { host, username }: Pick<OAuthAccount, 'host' | 'username'>, clock: Clock) {
  return new Promise<Ran>((resolve) => {
    const passed = PASSED_ON.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
    const env = { ...Object.fromEntries(passed), GATEPOST_OAUTH_USER: username, GATEPOST_OAUTH_HOST: host };
    const child = spawn(program, words, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const heard = { output: '', complaint: '' };
    const end = (code: number | string) => {
      cancel();
      if (child.pid !== undefined && child.exitCode === null) killGroup(child.pid);
      resolve({ code, ...heard });
    };
    const listen = (stream: NodeJS.ReadableStream, name: keyof typeof heard) =>
      stream.on('data', (chunk: Buffer) => {
        heard[name] += chunk.toString('utf8');
        if (heard[name].length > LARGEST_OUTPUT) end('it prints too much');
      });
    const cancel = clock.after(PATIENCE, () => end(`it takes longer than ${PATIENCE / 1000} s`));
    listen(child.stdout, 'output');
    listen(child.stderr, 'complaint');
    child.on('error', (error) => end(problemOf(error)));
    child.on('close', (code, signal) => end(code ?? signal ?? 'killed'));
  });
}

/** The program leads a group of its own, so that what it started goes with it. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // it has ended meanwhile
  }
}
