// Usage: npm run build
//
// Bundles the program into one CommonJS file, dist/gatepost.cjs, that needs nothing but Node 20.11 or
// newer. The same commit gives the same bytes.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { build, stop } from 'esbuild';
import packageJson from '../package.json' with { type: 'json' };

const root = new URL('..', import.meta.url).pathname;

/** Makes dist/gatepost.cjs. */
export async function buildBundle(): Promise<void> {
  const outfile = `${root}dist/gatepost.cjs`;
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['src/main.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20.11',
    define: {
      GATEPOST_VERSION: JSON.stringify(packageJson.version),
      GATEPOST_COMMIT: JSON.stringify(git('rev-parse', '--short=12', 'HEAD') ?? 'unknown'),
      GATEPOST_BUILT: String(1000 * commitTime()),
    },
    banner: { js: '#!/usr/bin/env node' },
    legalComments: 'inline',
    logLevel: 'warning',
    write: false,
  });
  await stop(); // esbuild's own process would stay as long as ours, and ours may become the relay
  const made = Buffer.concat(outputFiles.map(({ contents }) => contents));
  // What is the same keeps its date, so that what is made from it need not be made again.
  if (!existsSync(outfile) || !readFileSync(outfile).equals(made)) {
    mkdirSync(dirname(outfile), { recursive: true });
    writeFileSync(outfile, made, { mode: 0o755 });
  }
  process.stdout.write(`dist/gatepost.cjs: ${Math.round(statSync(outfile).size / 1024)} KiB\n`);
}

/** The commit's date in seconds, or what packagers say instead; not today's, so that the same commit gives the same bytes. */
export function commitTime(): number {
  return Number(process.env['SOURCE_DATE_EPOCH'] ?? git('log', '-1', '--format=%ct') ?? 0);
}

function git(...argv: string[]): string | undefined {
  try {
    return execFileSync('git', argv, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined; // built from an archive, without git
  }
}

if (import.meta.main) {
  if (process.argv.includes('--help')) process.stdout.write('npm run build: bundles the program into dist/gatepost.cjs\n');
  else await buildBundle();
}
