// Usage: npm run image [-- [--arch arm64] [--measure]]
//
// A board without a board: makes the demonstration image (the first time), starts it in QEMU with its
// port 25 on 127.0.0.1:2725, a provider that insists on STARTTLS and AUTH on the host, and sends a camera's
// alert through. Stays up until Ctrl-C. --measure prints the relay's memory every five seconds.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import nodemailer from 'nodemailer';
import { startBoard, towards } from '../test/support/board.ts';
import { libraryUpstream } from '../test/support/library-upstream.ts';
import { cameraPicture } from '../test/support/picture.ts';
import { type BoardArchitecture, buildImage, makeDisk } from './image-build.ts';
import { ROOT } from './runtimes.ts';

const PORT = 2725;

const { values } = parseArgs({ options: { arch: { type: 'string' }, measure: { type: 'boolean' }, help: { type: 'boolean' } } });
if (values.help === true) {
  process.stdout.write('npm run image [-- [--arch arm64] [--measure]]: a board in QEMU, port 25 at 127.0.0.1:2725\n');
  process.exit(0);
}
const architecture = (values.arch ?? 'arm64') as BoardArchitecture;
const say = (text: string) => void process.stdout.write(`${text}\n`);

if (!existsSync(`${ROOT}dist/bin/gatepost-linux-${architecture}`)) node('scripts/boards.ts', '--arch', architecture);
node('scripts/pack.ts', '--target', 'overlay', '--arch', architecture, '--quick');
const image = buildImage(architecture, say);
const disk = `${ROOT}dist/image/${architecture}/data.ext4`;
if (!existsSync(disk)) makeDisk(disk);

const upstream = await libraryUpstream({ told: (what) => say(`  upstream: ${what}`) });
const started = performance.now();
const board = startBoard(image, {
  disk,
  port: PORT,
  environment: {
    ...towards(upstream.port, upstream),
    ...(values.measure === true ? { MEASURE: '1' } : {}),
  },
  watch: (line) => say(`  board: ${line}`),
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void board.cut().then(() => process.exit()));
await board.ready();
say(`The board answers on 127.0.0.1:${PORT} after ${((performance.now() - started) / 1000).toFixed(1)} s.`);
const camera = nodemailer.createTransport({ host: '127.0.0.1', port: PORT, name: 'camera-garden', ignoreTLS: true });
const { response } = await camera.sendMail({
  from: 'camera@example.org',
  to: 'owner@example.org',
  subject: 'Movement in the garden',
  text: 'See the picture.',
  attachments: [{ filename: 'garden.jpg', content: cameraPicture(640, 480) }],
});
say(`The camera got: ${response}`);
await upstream.waitFor(1);
say(`The provider has the message. Try it: telnet 127.0.0.1 ${PORT}; Ctrl-C pulls the plug.`);

function node(...argv: readonly string[]): void {
  execFileSync(process.execPath, argv, { cwd: ROOT, stdio: 'inherit' });
}
