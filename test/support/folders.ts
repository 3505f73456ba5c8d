// Folders: for what tests write, and watched for what programs write.

import { mkdtempSync, rmSync, watch } from 'node:fs';
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

/** Resolves as soon as `passes` is true: looks now, and at each change of the folder and the files in it. */
export function changesUntil(folder: string, passes: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const watcher = watch(folder, look);
    watcher.on('error', reject);
    look();
    function look(): void {
      if (!passes()) return;
      watcher.close();
      resolve();
    }
  });
}
