// Folders for what tests write.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made: string[] = [];
process.once('exit', () => {
  for (const path of made) rmSync(path, { recursive: true, force: true, maxRetries: 3 });
});

/** An empty folder that goes when the test run does. */
export function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'gatepost-test-'));
  made.push(path);
  return path;
}
