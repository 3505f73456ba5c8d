// `gatepost queue` and `status` against a running relay.

import nodemailer from 'nodemailer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LibraryUpstream, libraryUpstream, PASSWORD, USER } from '../../scripts/lib/library-upstream.ts';
import { temporaryFolder } from '../support/folders.ts';
import { type RelayProcess, runProgram, startProcess } from '../support/programs/relay-process.ts';

const folder = temporaryFolder();
let upstream: LibraryUpstream;
let relay: RelayProcess;
let isBusy = true;
beforeAll(async () => {
  upstream = await libraryUpstream({
    server: {
      onRcptTo: (_address, _session, done) =>
        done(isBusy ? Object.assign(new Error('4.2.0 greylisted: come \u0007back later'), { responseCode: 450 }) : null),
    },
  });
  relay = await startProcess({
    GATEPOST_UPSTREAM: `smtp://127.0.0.1:${upstream.port}`,
    GATEPOST_UPSTREAM_USERNAME: USER,
    GATEPOST_UPSTREAM_PASSWORD: PASSWORD,
    GATEPOST_UPSTREAM_CA: upstream.certificate.cert,
    GATEPOST_SPOOL_DIR: folder,
  });
});
afterAll(async () => {
  await relay.end();
  await upstream.close();
});

const queue = (...argv: string[]) => runProgram(['queue', ...argv], { GATEPOST_SPOOL_DIR: folder });

async function send(subject: string): Promise<string> {
  const device = nodemailer.createTransport({ host: '127.0.0.1', port: relay.port, ignoreTLS: true });
  const { response } = await device.sendMail({ from: 'cam@lan.example', to: ['you@b.example', 'me@b.example'], subject, text: 'x' });
  const id = /queued as (\w+)/.exec(response)?.[1] ?? '';
  await relay.waitFor((line) => (line.event === 'deferred' || line.event === 'removed') && line['id'] === id);
  return id;
}

test('an empty queue', async () => {
  expect(await queue()).toMatchObject({ code: 0, stdout: 'nothing waits\n' });
});

test('list, show, retry, drop', async () => {
  const ids = [await send('one'), await send('two'), await send('three')];
  const [first = '', second = '', third = ''] = ids;

  const { stdout: listed } = await queue('list');
  expect(listed).toMatch(
    new RegExp(
      `^${first}  \\d+ s old, [\\d.]+ KiB, again in \\d+ s: <cam@lan\\.example> to you@b\\.example, me@b\\.example \\(127\\.0\\.0\\.1\\)\n`,
    ),
  );
  expect(listed).toContain('1 attempt: 450 4.2.0 greylisted: come ');
  expect(listed).toMatch(/3 messages wait\n$/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not come through
  expect(listed).not.toMatch(/\u0007/);

  const { stdout: json } = await queue('list', '--json');
  expect(
    json
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { id: string }).id),
  ).toEqual(ids);

  const { stdout: shown } = await queue('show', second.toLowerCase());
  expect(shown).toContain('Subject: two');
  expect(shown).toContain('waits for    you@b.example');
  expect(await queue('show', 'ZZZZZZZ')).toMatchObject({ code: 66, stderr: 'gatepost: ZZZZZZZ: no such message waits\n' });

  expect(await queue('drop', third, 'ZZZZZZZ')).toMatchObject({
    code: 66,
    stdout: `dropped ${third}; nobody is told\n`,
    stderr: 'gatepost: ZZZZZZZ: no such message waits\n',
  });
  isBusy = false;
  expect(await queue('retry', first, 'ZZZZZZZ')).toMatchObject({ code: 66, stdout: `tried now: ${first}\n` });
  await relay.waitFor((line) => line.event === 'removed' && line['id'] === first);
  expect(await queue('retry')).toMatchObject({ code: 0, stdout: 'all that waits is tried now\n' });
  await relay.waitFor((line) => line.event === 'removed' && line['id'] === second);
  expect(await queue()).toMatchObject({ stdout: 'nothing waits\n' });
  expect(upstream.delivered.map(({ data }) => /^Subject: (.*?)\r?$/m.exec(data.toString())?.[1])).toEqual(['one', 'two']);
});

test('hold and release', async () => {
  isBusy = false;
  expect((await queue('hold')).stdout).toContain('until "gatepost queue release"');
  const device = nodemailer.createTransport({ host: '127.0.0.1', port: relay.port, ignoreTLS: true });
  await device.sendMail({ from: 'cam@lan.example', to: 'you@b.example', subject: 'held', text: 'x' });
  expect((await queue()).stdout).toMatch(/, due: .*\n {10}0 attempts: the queue is held by hand\n1 message waits\n$/);
  expect((await runProgram(['status'], { GATEPOST_SPOOL_DIR: folder })).stdout).toContain('THE QUEUE IS HELD');
  const before = upstream.delivered.length;
  expect((await queue('release')).stdout).toBe('deliveries go on\n');
  await upstream.waitFor(before + 1);
});

test('what is no use of it: exit code 64; no relay: 69', async () => {
  for (const argv of [['frob'], ['show'], ['show', 'a', 'b'], ['drop'], ['hold', 'x'], ['list', '--frob']])
    expect((await queue(...argv)).code).toBe(64);
  const away = await runProgram(['queue'], { GATEPOST_SPOOL_DIR: '/nonexistent' });
  expect(away).toMatchObject({ code: 69, stderr: 'gatepost: no relay is running with /nonexistent/control.sock\n' });
  expect(await queue('show', '../status')).toMatchObject({ code: 66 });
});
