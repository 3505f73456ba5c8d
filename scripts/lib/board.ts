// A board in QEMU: the demonstration image, its port 25 on a port of loopback. Ending the emulator is a
// power cut.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Image } from './image.ts';
import { type LibraryUpstream, PASSWORD, USER } from './library-upstream.ts';
import { greets } from './ports.ts';

/** A running one. */
export type Board = {
  /** Where its port 25 is to be found. */
  readonly port: number;
  /** What it has written on its console. */
  console(): string;
  /** Resolves when it answers on port 25; rejects when the emulator ends before. */
  ready(): Promise<void>;
  /** The power goes, now. */
  cut(): Promise<void>;
};

/** The host as the board sees it (QEMU's user network): its loopback. */
const HOST = '10.0.2.2';

/** What the board needs to reach `upstream` on the host, at that port of its loopback. */
export function towards(port: number, upstream: LibraryUpstream): Readonly<Record<string, string>> {
  return {
    GATEPOST_UPSTREAM: `smtp://${encodeURIComponent(USER)}:${encodeURIComponent(PASSWORD)}@${HOST}:${port}`,
    GATEPOST_UPSTREAM_PIN: upstream.certificate.pin,
    // QEMU's network is a router, and what it forwards comes from its own address.
    GATEPOST_ALLOW: HOST,
  };
}

type BoardSettings = {
  /** The disk that outlives the power: a file, or what QEMU takes in its place. */
  readonly disk: string;
  readonly port: number;
  /** Goes to the kernel's command line, so no spaces in it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Given each line of the console. */
  readonly watch?: (line: string) => void;
};

/** Starts the emulator; the board is not up before `ready` resolves. */
export function startBoard(image: Image, { disk, port, environment, watch }: BoardSettings): Board {
  const [program = '', ...machine] = image.emulator;
  const words = [
    `console=${image.console}`,
    'quiet',
    'panic=-1',
    'cma=0',
    ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
  ];
  const child = spawn(
    program,
    [
      ...machine,
      ...['-m', String(image.memory), '-nographic', '-no-reboot', '-kernel', image.kernel, '-initrd', image.initramfs],
      ...['-append', words.join(' ')],
      ...['-drive', `file=${image.system},format=raw,if=none,id=system,readonly=on`, '-device', 'virtio-blk-pci,drive=system'],
      ...['-drive', `file=${disk},format=raw,if=none,id=data`, '-device', 'virtio-blk-pci,drive=data'],
      ...['-netdev', `user,id=net,hostfwd=tcp:127.0.0.1:${port}-10.0.2.15:25`, '-device', 'virtio-net-pci,netdev=net,romfile='],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  // Whoever fails before it cuts the power must not leave the emulator behind.
  const cutAtExit = () => void child.kill('SIGKILL');
  process.once('exit', cutAtExit);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    if (watch !== undefined) createInterface({ input: stream }).on('line', watch);
  }
  let isOver = false;
  const ended = new Promise<void>((resolve) =>
    child.on('close', () => {
      isOver = true;
      process.off('exit', cutAtExit);
      resolve();
    }),
  );
  return {
    port,
    console: () => text,
    async ready() {
      // QEMU accepts connections before the board is up: only the banner shows that it is.
      while (!(await greets(port))) {
        if (isOver) throw new Error(`the board is off: ${text.slice(-2_000)}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    async cut() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
