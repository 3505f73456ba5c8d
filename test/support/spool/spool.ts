// A spool with small segments on a disk that loses power.

import type { Envelope } from '../../../src/smtp/envelope.ts';
import { isSegmentName } from '../../../src/spool/segment.ts';
import { openSpool, type Spool } from '../../../src/spool/spool.ts';
import type { Clock } from '../../../src/system/clock.ts';
import type { Disk } from '../../../src/system/disk.ts';
import type { Random } from '../../../src/system/random.ts';
import type { QueueId } from '../../../src/vocabulary/queue-id.ts';
import type { QueuedMessage } from '../../../src/vocabulary/queued-message.ts';
import { fakeClock } from '../fakes/clock.ts';
import { collectNews } from '../fakes/news.ts';
import { seededRandom } from '../fakes/random.ts';

export const SEGMENT = 64 * 1024;
export const SEGMENTS = 12;

export type TestSpool = {
  readonly spool: Spool;
  readonly stored: Map<QueueId, QueuedMessage>;
  readonly news: ReturnType<typeof collectNews>;
};

export async function testSpool(
  disk: Disk,
  options: { clock?: Clock; random?: Random; segmentSize?: number; segments?: number; open?: typeof openSpool } = {},
): Promise<TestSpool> {
  const news = collectNews();
  const { clock = fakeClock(), random = seededRandom(1), segmentSize = SEGMENT, segments = SEGMENTS, open = openSpool } = options;
  const spool = await open({ disk, clock, random, tell: news.tell, segmentSize, segments });
  const stored = new Map<QueueId, QueuedMessage>();
  spool.feed((one) => stored.set(one.id, one));
  return { spool, stored, news };
}

export const envelope = (to = 'you@example.org'): Envelope => {
  const [localPart = '', domain = ''] = to.split('@');
  return { reversePath: { localPart: 'cam', domain: 'example.org' }, recipients: [{ forwardPath: { localPart, domain } }], parameters: {} };
};

/** An envelope of some 250 octets a recipient, 900 with its ORCPT. */
export function longEnvelope(recipients: number): Envelope {
  const recipient = (at: number) => {
    const localPart = `${at}`.padStart(60, 'r');
    const domain = `${'d'.repeat(60)}.`.repeat(3).concat('example.org');
    return { forwardPath: { localPart, domain }, originalRecipient: `rfc822;${'o'.repeat(500)}` };
  };
  const [first, ...rest] = Array.from({ length: recipients }, (_, at) => recipient(at));
  return { reversePath: null, recipients: [first ?? recipient(0), ...rest], parameters: {} };
}

/** Writes a message; its id, or why it was not stored. */
export async function put(
  spool: Spool,
  body: Buffer,
  from: Envelope = envelope(),
  device = '192.0.2.1',
): Promise<QueueId | 'full' | 'failed'> {
  const draft = spool.draft(body.length, device);
  for (let at = 0; at < body.length; at += 5000) {
    const result = await draft.write(body.subarray(at, at + 5000));
    if (result !== 'taken') {
      draft.abandon();
      return result;
    }
  }
  const result = await draft.commit(from);
  return result === 'stored' ? draft.id : result;
}

export async function bodyOf(spool: Spool, id: QueueId): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of spool.body(id)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The names of the segments in the folder, oldest name first. */
export async function segmentsOn(disk: Disk): Promise<readonly string[]> {
  return (await disk.list()).filter(isSegmentName).sort();
}
