import { test } from 'vitest';
import { openSpool } from '../../src/spool/spool.ts';
import { runLives } from '../support/lives.ts';

test('a message that was delivered stays away, wherever the power goes while its segment is used again', { timeout: 120_000 }, () =>
  runLives({ open: openSpool }),
);
