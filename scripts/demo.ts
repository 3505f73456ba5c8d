// Usage: npm start (without GATEPOST_UPSTREAM), or npm run demo after npm run build
//
// The demonstration: an upstream on loopback that insists on STARTTLS and AUTH, the relay on port 2525 (or
// on a free one when that is taken) in front of it, and a camera's alert that goes through. Stays up until
// Ctrl-C or SIGTERM, which end the relay in order and leave nothing behind. Exit code 1 with a sentence when
// the alert can't be delivered.

import { command } from './lib/command.ts';
import { demonstrate } from './lib/demonstration.ts';

await command(import.meta, { run: demonstrate });
