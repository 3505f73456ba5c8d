// Usage: npm start
//
// With GATEPOST_UPSTREAM (or GATEPOST_UPSTREAM_FILE) set, builds the relay and becomes it: one process, so
// signals and the exit code need nobody to pass them on, and nothing is left behind. Without it, builds and
// shows the demonstration.

import { buildBundle } from './lib/bundle.ts';
import { command } from './lib/command.ts';
import { BUNDLE } from './lib/paths.ts';

await command(import.meta, {
  async run() {
    await buildBundle();
    if (process.env['GATEPOST_UPSTREAM'] === undefined && process.env['GATEPOST_UPSTREAM_FILE'] === undefined) {
      const { demonstrate } = await import('./lib/demonstration.ts');
      await demonstrate();
    } else {
      process.argv = [process.execPath, BUNDLE, 'run'];
      await import(BUNDLE);
    }
  },
});
