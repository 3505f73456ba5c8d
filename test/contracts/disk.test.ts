import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { FlashMeter } from '../../src/spool/flash.ts';
import { meteredDisk } from '../../src/spool/metered-disk.ts';
import { openDisk } from '../../src/system/disk.ts';
import { powerLosingDisk } from '../support/fakes/disk.ts';
import { diskContract } from './disk.ts';

const root = mkdtempSync(join(tmpdir(), 'gatepost-test-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

diskContract('a folder', () => openDisk(join(root, `${count++}`)));
diskContract('a disk that loses power', async () => powerLosingDisk());
diskContract('a disk that counts', async () => meteredDisk(powerLosingDisk(), new FlashMeter()));
