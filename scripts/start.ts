// Usage: npm start
//
// With GATEPOST_UPSTREAM (or GATEPOST_UPSTREAM_FILE) set, builds the relay and becomes it: one process, so
// signals and the exit code need nobody to pass them on, and nothing is left behind. Without it, builds and
// shows the demonstration.

import { buildBundle } from './build.ts';

if (process.argv.includes('--help')) {
  process.stdout.write('npm start: the relay if GATEPOST_UPSTREAM (or _FILE) is set, the demonstration otherwise\n');
  process.exit(0);
}

await buildBundle();
if (process.env['GATEPOST_UPSTREAM'] === undefined && process.env['GATEPOST_UPSTREAM_FILE'] === undefined) {
  const { demonstrate } = await import('./demo.ts');
  await demonstrate();
} else {
  const bundle = new URL('../dist/gatepost.cjs', import.meta.url);
  process.argv = [process.execPath, bundle.pathname, 'run'];
  await import(bundle.href);
}
