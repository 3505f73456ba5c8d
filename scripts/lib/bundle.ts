// The program as one CommonJS file that needs nothing but Node 20.11 or newer. The same commit gives the same bytes.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { build, stop } from 'esbuild';
import packageJson from '../../package.json' with { type: 'json' };
import { BUNDLE, ROOT } from './paths.ts';

/** Makes dist/gatepost.cjs. Rejects with esbuild's error when the source can't be bundled. */
export async function buildBundle(): Promise<void> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['src/main.ts'],
    outfile: BUNDLE,
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
  if (!existsSync(BUNDLE) || !readFileSync(BUNDLE).equals(made)) {
    mkdirSync(dirname(BUNDLE), { recursive: true });
    writeFileSync(BUNDLE, made, { mode: 0o755 });
  }
  process.stdout.write(`dist/gatepost.cjs: ${Math.round(statSync(BUNDLE).size / 1024)} KiB\n`);
}

/**
 * The commit's date in seconds since 1970, or SOURCE_DATE_EPOCH, which packagers set; not today's, so that the same
 * commit gives the same bytes.
 */
export function commitTime(): number {
  return Number(process.env['SOURCE_DATE_EPOCH'] ?? git('log', '-1', '--format=%ct') ?? 0);
}

function git(...argv: string[]): string | undefined {
  try {
    return execFileSync('git', argv, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined; // built from an archive, without git
  }
}
