// Usage: npm start
//
// With GATEPOST_UPSTREAM set, builds and runs the relay. Without it, builds and shows the demonstration.

import { spawn } from 'node:child_process';

if (process.argv.includes('--help')) {
  process.stdout.write('npm start: the relay if GATEPOST_UPSTREAM (or _FILE) is set, the demonstration otherwise\n');
  process.exit(0);
}

await import('./build.ts');

if (process.env['GATEPOST_UPSTREAM'] === undefined && process.env['GATEPOST_UPSTREAM_FILE'] === undefined) {
  await import('./demo.ts');
} else {
  const relay = spawn(process.execPath, [new URL('../dist/gatepost.cjs', import.meta.url).pathname], { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGUSR2'] as const) process.on(signal, () => relay.kill(signal));
  relay.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}
