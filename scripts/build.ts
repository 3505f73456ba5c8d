// Usage: npm run build
//
// Bundles the program into one CommonJS file, dist/gatepost.cjs, that needs nothing but Node 20.11 or
// newer. The same commit gives the same bytes.

import { buildBundle } from './lib/bundle.ts';
import { command } from './lib/command.ts';

await command(import.meta, { run: buildBundle });
