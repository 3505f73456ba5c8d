// SHA256SUMS over what lies in a folder, as sha256sum --check reads it.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Writes `folder`/SHA256SUMS, the names in order. */
export function writeSums(folder: string): void {
  const lines = readdirSync(folder)
    .filter((name) => name !== 'SHA256SUMS')
    .sort()
    .map((name) => {
      const octets = readFileSync(`${folder}/${name}`);
      return `${createHash('sha256').update(octets).digest('hex')}  ${name}\n`;
    });
  writeFileSync(`${folder}/SHA256SUMS`, lines.join(''));
}
