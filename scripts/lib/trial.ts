// A trial of "npm start": the demonstration in a process session of its own, until its alert was delivered, then ended
// by SIGTERM. What it leaves behind is a failure. Nothing here needs what npm installs, since .ci/run starts it before
// `npm ci`.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DELIVERED = /^The alert was delivered: /m;
const SECONDS_TO_END = 30;

/** What went wrong, a sentence each (none: all went well), and what the demonstration printed. */
type Trial = { readonly failures: readonly string[]; readonly output: string };

/** Starts the demonstration in `project` and ends it once it has delivered. Kills what is left after that. */
export async function tryStart(project: string, seconds: number, environment = plainEnvironment()): Promise<Trial> {
  const temporary = mkdtempSync(join(tmpdir(), 'gatepost-try-'));
  // A session of its own, so that what it leaves behind can be distinguished from all other processes.
  const npm = spawn('npm', ['start'], {
    cwd: project,
    env: { ...environment, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const session = npm.pid ?? 0;
  try {
    const output = collect(npm);
    const exited = new Promise<string>((resolve) => {
      npm.on('error', (error) => resolve(error.message));
      npm.on('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    const early = await Promise.race([exited, output.waitFor(DELIVERED), after(seconds, `nothing was delivered within ${seconds} s`)]);
    if (early !== undefined) return { failures: [`"npm start": ${early}`], output: output.text() };
    npm.kill('SIGTERM');
    const end = await Promise.race([exited, after(SECONDS_TO_END, `still runs ${SECONDS_TO_END} s after SIGTERM`)]);
    return { failures: faultsOf(end, session, temporary), output: output.text() };
  } finally {
    for (const { pid } of processesOf(session)) process.kill(pid, 'SIGKILL');
    rmSync(temporary, { recursive: true, force: true });
  }
}

function faultsOf(end: string, session: number, temporary: string): readonly string[] {
  const failures = end === 'exit code 0' ? [] : [`after SIGTERM "npm start" did not end with exit code 0: ${end}`];
  for (const { pid, command } of processesOf(session)) failures.push(`process ${pid} was left behind: ${command}`);
  for (const name of readdirSync(temporary))
    if (name.startsWith('gatepost')) failures.push(`${name} was left behind in the temporary folder`);
  return failures;
}

/** Without configuration of a relay: the demonstration is what is tried. */
function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GATEPOST_')));
}

function collect(child: ChildProcess) {
  let text = '';
  let look = () => {};
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      look();
    });
  }
  return {
    text: () => text,
    waitFor: (pattern: RegExp) =>
      new Promise<undefined>((resolve) => {
        look = () => {
          if (pattern.test(text)) resolve(undefined);
        };
      }),
  };
}

function after(seconds: number, words: string): Promise<string> {
  return new Promise((resolve) => setTimeout(() => resolve(words), seconds * 1000).unref());
}

/** What runs in a session, from /proc (stat(5): the sixth field); zombies are over. */
function processesOf(session: number): readonly { readonly pid: number; readonly command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const [state, , , its] = readFileSync(`/proc/${name}/stat`, 'latin1')
          .replace(/^.*\) /s, '')
          .split(' ');
        if (Number(its) !== session || state === 'Z') return [];
        return [{ pid: Number(name), command: readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ') }];
      } catch {
        return []; // it has just ended
      }
    });
}
