// `gatepost spool verify [DIR... | -]`: reads spools at rest, changes nothing, prints a JSON line for each folder.

import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { headerEnd } from '../message/header.ts';
import type { StoredMessage } from '../spool/messages.ts';
import { recover } from '../spool/recover.ts';
import { openDiskReadOnly } from '../system/disk.ts';
import { problemOf } from '../system/problem.ts';
import { formatQueueId } from '../vocabulary/queue-id.ts';
import { relayLocationFromEnvironment } from './environment.ts';
import { EXIT } from './exit.ts';
import { wrongUse } from './help-text.ts';

/** Verifies the spools of these folders, or the relay's own; exit code 69 when one can't be read. */
export async function run([verb, ...folders]: readonly string[]): Promise<void> {
  if (verb !== 'verify') return wrongUse('spool');
  if (folders.length === 0) {
    const where = relayLocationFromEnvironment();
    if (where !== undefined) await print(where.spoolDir);
    return;
  }
  for (const folder of folders) {
    if (folder !== '-') await print(folder);
    else for await (const line of createInterface({ input: process.stdin })) await print(line);
  }
}

async function print(folder: string): Promise<void> {
  try {
    process.stdout.write(`${JSON.stringify(await verify(folder))}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: problemOf(error) })}\n`);
    process.exitCode = EXIT.unavailable;
  }
}

async function verify(folder: string) {
  const { messages: found, damage, ring, blank } = await recover(openDiskReadOnly(folder));
  try {
    const messages: { id: string; octets: number; bodySha256: string }[] = [];
    for (const message of found.values())
      messages.push({ id: formatQueueId(message.number), octets: message.octets, bodySha256: await bodyDigest(message) });
    return { messages, damage };
  } finally {
    for (const segment of [...ring, ...blank]) await segment.close();
  }
}

/** SHA-256 of what follows the header section and its empty line. Only the header section is kept in memory. */
async function bodyDigest(message: StoredMessage): Promise<string> {
  const hash = createHash('sha256');
  let head: Buffer | undefined = Buffer.alloc(0);
  for (const place of message.chunks) {
    const payload = (await place.segment.read(place))?.payload;
    if (payload === undefined) throw new Error(`a frame of ${formatQueueId(message.number)} changed while it was read`);
    if (head === undefined) {
      hash.update(payload);
      continue;
    }
    head = Buffer.concat([head, payload]);
    const end = headerEnd(head);
    if (end === undefined) continue;
    hash.update(head.subarray(end));
    head = undefined;
  }
  return hash.digest('hex');
}
