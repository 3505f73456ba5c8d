// `gatepost version`: version, commit, runtime, architecture.

import { COMMIT, VERSION } from '../version.ts';

/** Prints one line. */
export async function run(): Promise<void> {
  process.stdout.write(`gatepost ${VERSION} (${COMMIT}), Node ${process.version}, ${process.platform} ${process.arch}\n`);
}
