// Usage: npm run image [-- [--arch arm64] [--measure]]
//
// A board without a board: makes the demonstration image (the first time), starts it in QEMU with its
// port 25 on 127.0.0.1:2725, a provider that insists on STARTTLS and AUTH on the host, and sends a camera's
// alert through. Stays up until Ctrl-C. --arch is arm64 or armv7. --measure prints the relay's memory every
// five seconds.

import { existsSync } from 'node:fs';
import nodemailer from 'nodemailer';
import { startBoard, towards } from './lib/board.ts';
import { chosen, command } from './lib/command.ts';
import { BOARD_ARCHITECTURES, buildImage, makeDisk } from './lib/image.ts';
import { libraryUpstream } from './lib/library-upstream.ts';
import { BIN, ROOT } from './lib/paths.ts';
import { cameraPicture } from './lib/picture.ts';
import { runScript } from './lib/run.ts';

const PORT = 2725;

const say = (text: string) => void process.stdout.write(`${text}\n`);

await command(import.meta, {
  options: { arch: { type: 'string' }, measure: { type: 'boolean' } },
  async run({ arch = 'arm64', measure = false }) {
    const [architecture = 'arm64'] = chosen(arch, BOARD_ARCHITECTURES);
    if (!existsSync(`${BIN}gatepost-linux-${architecture}`)) runScript('scripts/boards.ts', '--arch', architecture);
    runScript('scripts/pack.ts', '--target', 'overlay', '--arch', architecture, '--quick');
    const image = buildImage(architecture, say);
    const disk = `${ROOT}dist/image/${architecture}/data.ext4`;
    if (!existsSync(disk)) makeDisk(disk);

    const upstream = await libraryUpstream({ shown: (what) => say(`  upstream: ${what}`) });
    const started = performance.now();
    const board = startBoard(image, {
      disk,
      port: PORT,
      environment: { ...towards(upstream.port, upstream), ...(measure ? { MEASURE: '1' } : {}) },
      watch: (line) => say(`  board: ${line}`),
    });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void board.cut().then(() => process.exit()));
    await board.ready();
    say(`The board answers on 127.0.0.1:${PORT} after ${((performance.now() - started) / 1000).toFixed(1)} s.`);
    say(`The camera got: ${await sendAlert()}`);
    await upstream.waitFor(1);
    say(`The provider has the message. Try it: telnet 127.0.0.1 ${PORT}; Ctrl-C pulls the plug.`);
  },
});

/** A camera's message with a picture; the reply that it gets. */
async function sendAlert(): Promise<string> {
  const camera = nodemailer.createTransport({ host: '127.0.0.1', port: PORT, name: 'camera-garden', ignoreTLS: true });
  const { response } = await camera.sendMail({
    from: 'camera@example.org',
    to: 'owner@example.org',
    subject: 'Movement in the garden',
    text: 'See the picture.',
    attachments: [{ filename: 'garden.jpg', content: cameraPicture(640, 480) }],
  });
  return response;
}
