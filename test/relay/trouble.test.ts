import { expect, test } from 'vitest';
import { CannotStart, folderNotLocked, notListening, spoolNotOpened } from '../../src/relay/trouble.ts';

const failure = (code: string, more: object = {}) => Object.assign(new Error(`${code}: failed`), { code, ...more });
const at = { address: '192.0.2.1', port: 25 };

test.each([
  [notListening(failure('EACCES', at)), /^port 25 is not permitted to this user: with systemd, AmbientCapabilities=/],
  [notListening(failure('EADDRINUSE', at)), /^192\.0\.2\.1 port 25 is in use by another program; "ss -ltnp" shows which/],
  [notListening(failure('EADDRNOTAVAIL', at)), /^192\.0\.2\.1 is no address of this board; see GATEPOST_LISTEN$/],
  [notListening(failure('EMFILE', at)), /^192\.0\.2\.1 port 25: EMFILE: failed$/],
  [notListening(failure('EBADF')), /^\? port \?: EBADF: failed$/],
  [folderNotLocked('/s', failure('EROFS')), /^the spool directory \/s can't be used: EROFS: the file system is read-only$/],
  [folderNotLocked('/s', failure('EIO')), /^the spool directory \/s can't be used: EIO: failed$/],
  [spoolNotOpened('/s', failure('ENOSPC')), /^the spool directory \/s can't be used: ENOSPC: failed$/],
])('%s', (error, sentence) => {
  expect(error).toBeInstanceOf(CannotStart);
  expect(error.message).toMatch(sentence);
});
