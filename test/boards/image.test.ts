// The whole board, in QEMU: it boots, takes mail on port 25, and has its power cut at random moments while
// mail streams in. With the power goes what its drive had not flushed. BOARD_CUTS says how often; BOARD_SEED
// repeats its choices.

import { readFileSync } from 'node:fs';
import nodemailer from 'nodemailer';
import { afterAll, expect, test } from 'vitest';
import { type Board, startBoard, towards } from '../../scripts/lib/board.ts';
import { buildImage, makeDisk } from '../../scripts/lib/image.ts';
import { type LibraryUpstream, libraryUpstream } from '../../scripts/lib/library-upstream.ts';
import { freePort } from '../../scripts/lib/ports.ts';
import { BOARD_TOOLS } from '../../scripts/lib/runtimes.ts';
import { powerLosingDrive } from '../support/fakes/power-losing-drive.ts';
import { seededRandom } from '../support/fakes/random.ts';
import { temporaryFolder } from '../support/folders.ts';
import { describeWith } from '../support/programs/installed.ts';

const CUTS = Number(process.env['BOARD_CUTS'] ?? 3);
const SEED = Number(process.env['BOARD_SEED'] ?? Date.now() % 1_000_000);
const SENDERS = 4;

// One that fails must not leave its board running.
const boards: Board[] = [];
afterAll(async () => {
  for (const board of boards) await board.cut();
});
const start = (...settings: Parameters<typeof startBoard>): Board => {
  const board = startBoard(...settings);
  boards.push(board);
  return board;
};

const subjects = (upstream: LibraryUpstream) =>
  new Set(upstream.delivered.map(({ data }) => /^Subject: (.*?)\r?$/m.exec(data.toString('latin1'))?.[1] ?? ''));

describeWith([...BOARD_TOOLS, 'qemu-system-aarch64', 'mmdebstrap', 'mke2fs', 'cpio'], 'a board with arm64', () => {
  test(`${CUTS} power cuts while mail streams in, seed ${SEED}: what was acknowledged arrives`, {
    timeout: 120_000 + CUTS * 60_000,
  }, async () => {
    const random = seededRandom(SEED);
    const image = buildImage('arm64', () => {});
    const folder = temporaryFolder();
    makeDisk(`${folder}/data.ext4`);
    const drive = await powerLosingDrive(readFileSync(`${folder}/data.ext4`), `${folder}/drive.sock`, () => 20 + random.below(80));
    const upstream = await libraryUpstream();
    const acknowledged: string[] = [];

    let lost = 0;
    for (let cut = 0; cut < CUTS; cut++) {
      // Every other time there is no upstream, so that the spool fills; else messages also leave it.
      const port = cut % 2 === 0 ? await freePort() : upstream.port;
      const board = start(image, { disk: drive.file, port: await freePort(), environment: towards(port, upstream) });
      await board.ready();
      await pullPlug(board, cut, acknowledged, 200 + random.below(3_000), () => {
        lost += drive.cut(random);
      });
    }
    expect(acknowledged.length).toBeGreaterThan(CUTS);
    // The cuts were cuts: now and then something was in the cache. (Of three cuts all may miss.)
    if (CUTS >= 10) expect(lost).toBeGreaterThan(0);
    expect(drive.flushes()).toBeGreaterThan(CUTS);

    const board = start(image, { disk: drive.file, port: await freePort(), environment: towards(upstream.port, upstream) });
    await board.ready();
    const missing = () => acknowledged.filter((subject) => !subjects(upstream).has(subject));
    const deadline = performance.now() + 100_000;
    while (missing().length > 0 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100));
    expect(missing(), board.console().slice(-3_000)).toEqual([]);
    expect(board.console()).not.toMatch(/event=(?:spoolDamaged|fault)/);
    await board.cut();
    await upstream.close();
    await drive.close();
  });
});

/** Streams mail in, and cuts the power some milliseconds after the first message was acknowledged. */
async function pullPlug(board: Board, cut: number, acknowledged: string[], after: number, cutDrive: () => void): Promise<void> {
  let isOff = false;
  let first: () => void = () => {};
  const hasBegun = new Promise<void>((resolve) => {
    first = resolve;
  });
  const senders = Array.from({ length: SENDERS }, async (_, sender) => {
    const camera = nodemailer.createTransport({ host: '127.0.0.1', port: board.port, ignoreTLS: true, pool: true, maxConnections: 1 });
    for (let count = 0; !isOff; count++) {
      const subject = `cut-${cut}-${sender}-${count}`;
      try {
        await camera.sendMail({
          from: 'cam@example.org',
          to: 'you@example.org',
          subject,
          text: 'x'.repeat((count * 7_919 + sender * 4_001) % 30_000),
        });
        acknowledged.push(subject);
        first();
      } catch {
        // the power went before the board said 250
      }
    }
    camera.close();
  });
  await hasBegun;
  await new Promise((resolve) => setTimeout(resolve, after));
  isOff = true;
  cutDrive();
  await board.cut();
  await Promise.all(senders);
}
