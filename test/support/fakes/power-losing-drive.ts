// A drive for QEMU with a write cache that is lost with the power, as an NBD server (the Network Block
// Device protocol, fixed newstyle handshake, simple replies) on a Unix socket. What was written is durable
// after a flush, or at once when the write says so; of the rest each 512-octet sector may survive a cut or not.
// A flush takes as long as a card's, so that a cut finds something in the cache.

import { createServer, type Socket } from 'node:net';
import type { SeededRandom } from './random.ts';

const SECTOR = 512;

/** The drive, whose owner may cut its power. */
export type PowerLosingDrive = {
  /** As QEMU's `file=` wants it. */
  readonly file: string;
  /**
   * The power goes, now: each sector in the cache is lost or not, and connections from before get no more replies.
   * Returns how many were lost.
   */
  cut(random: SeededRandom): number;
  /** How many there were so far. */
  readonly flushes: () => number;
  /** Stops serving. */
  close(): Promise<void>;
};

/** Serves `content` at `path`; `flushTakes` is asked how long, in ms, for each flush. */
export async function powerLosingDrive(content: Buffer, path: string, flushTakes: () => number): Promise<PowerLosingDrive> {
  const cache = new Map<number, Buffer>();
  let flushes = 0;
  const sockets = new Set<Socket>();

  let cuts = 0; // a connection from before a cut is dead
  const driveOf = (before: number): Drive => ({
    size: content.length,
    read(offset, length) {
      mustHavePower(before);
      const octets = Buffer.from(content.subarray(offset, offset + length));
      for (let at = 0; at < length; at += SECTOR) cache.get(offset + at)?.copy(octets, at);
      return octets;
    },
    write(offset, octets, isDurable) {
      mustHavePower(before);
      for (let at = 0; at < octets.length; at += SECTOR) {
        const sector = octets.subarray(at, at + SECTOR);
        if (isDurable) {
          sector.copy(content, offset + at);
          cache.delete(offset + at);
        } else cache.set(offset + at, Buffer.from(sector));
      }
    },
    async flush() {
      await new Promise((resolve) => setTimeout(resolve, flushTakes()));
      mustHavePower(before);
      flushes += 1;
      for (const [offset, sector] of cache) sector.copy(content, offset);
      cache.clear();
    },
  });
  const mustHavePower = (before: number) => {
    if (before !== cuts) throw new Error('the power is off');
  };

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serve(socket, driveOf(cuts)).catch(() => socket.destroy()); // the power went in the middle of a request
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    file: `nbd:unix:${path}`,
    cut(random) {
      cuts += 1;
      const held = cache.size;
      for (const [offset, sector] of cache) if (random.fraction() < 0.5) sector.copy(content, offset);
      cache.clear();
      return held;
    },
    flushes: () => flushes,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** Offsets and lengths are whole sectors. */
type Drive = {
  readonly size: number;
  read(offset: number, length: number): Buffer;
  write(offset: number, octets: Buffer, isDurable: boolean): void;
  flush(): Promise<void>;
};

const OPTION_MAGIC = 0x49484156454f5054n; // IHAVEOPT
const REPLY_MAGIC = 0x3e889045565a9n;
const REQUEST_MAGIC = 0x25609513;
const SIMPLE_REPLY_MAGIC = 0x67446698;
const FIXED_NEWSTYLE = 1;
const NO_ZEROES = 2;
// HAS_FLAGS, SEND_FLUSH, SEND_FUA
const TRANSMISSION_FLAGS = 1 | 4 | 8;
const OPTION = { exportName: 1, abort: 2, info: 6, go: 7 } as const;
const REPLY = { ack: 1, info: 3, unsupported: 2 ** 31 + 1 } as const;
const COMMAND = { read: 0, write: 1, disconnect: 2, flush: 3 } as const;
const FUA = 1;
const INVALID = 22;

async function serve(socket: Socket, drive: Drive): Promise<void> {
  const read = reader(socket);
  const facts = Buffer.alloc(10);
  facts.writeBigUInt64BE(BigInt(drive.size), 0);
  facts.writeUInt16BE(TRANSMISSION_FLAGS, 8);

  const greeting = Buffer.alloc(18);
  greeting.write('NBDMAGIC');
  greeting.writeBigUInt64BE(OPTION_MAGIC, 8);
  greeting.writeUInt16BE(FIXED_NEWSTYLE | NO_ZEROES, 16);
  socket.write(greeting);
  await read(4);
  for (let isChosen = false; !isChosen; ) {
    const head = await read(16);
    const option = head.readUInt32BE(8);
    await read(head.readUInt32BE(12));
    const reply = (type: number, data: Uint8Array = Buffer.alloc(0)) => {
      const octets = Buffer.alloc(20);
      octets.writeBigUInt64BE(REPLY_MAGIC, 0);
      octets.writeUInt32BE(option, 8);
      octets.writeUInt32BE(type, 12);
      octets.writeUInt32BE(data.length, 16);
      socket.write(Buffer.concat([octets, data]));
    };
    switch (option) {
      case OPTION.exportName:
        socket.write(facts);
        isChosen = true;
        break;
      case OPTION.info:
      case OPTION.go:
        reply(REPLY.info, Buffer.concat([Buffer.from([0, 0]), facts]));
        reply(REPLY.ack);
        isChosen = option === OPTION.go;
        break;
      case OPTION.abort:
        reply(REPLY.ack);
        socket.end();
        return;
      default:
        reply(REPLY.unsupported);
    }
  }

  for (;;) {
    const head = await read(28);
    if (head.readUInt32BE(0) !== REQUEST_MAGIC) throw new Error('no NBD request');
    const flags = head.readUInt16BE(4);
    const command = head.readUInt16BE(6);
    const offset = Number(head.readBigUInt64BE(16));
    const length = head.readUInt32BE(24);
    const reply = (error: number, data: Uint8Array = Buffer.alloc(0)) => {
      const octets = Buffer.alloc(16);
      octets.writeUInt32BE(SIMPLE_REPLY_MAGIC, 0);
      octets.writeUInt32BE(error, 4);
      head.copy(octets, 8, 8, 16);
      socket.write(Buffer.concat([octets, data]));
    };
    switch (command) {
      case COMMAND.read:
        reply(0, drive.read(offset, length));
        break;
      case COMMAND.write:
        drive.write(offset, await read(length), (flags & FUA) !== 0);
        reply(0);
        break;
      case COMMAND.flush:
        await drive.flush();
        reply(0);
        break;
      case COMMAND.disconnect:
        socket.end();
        return;
      default:
        reply(INVALID);
    }
  }
}

/** Reads exactly so many octets; rejects when the socket closes before. */
function reader(socket: Socket): (length: number) => Promise<Buffer> {
  let pieces: Uint8Array[] = [];
  let held = 0;
  let wake = () => {};
  let isOver = false;
  socket.on('data', (piece: Buffer) => {
    pieces.push(piece);
    held += piece.length;
    wake();
  });
  for (const event of ['close', 'error'] as const) {
    socket.on(event, () => {
      isOver = true;
      wake();
    });
  }
  return async (length) => {
    while (held < length) {
      if (isOver) throw new Error('the client is gone');
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const all = Buffer.concat(pieces);
    pieces = [all.subarray(length)];
    held -= length;
    return all.subarray(0, length);
  };
}
