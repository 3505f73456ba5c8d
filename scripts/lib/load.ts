// A crowd of devices for the benchmark: connections that each hand over messages one after the other, and
// note how long the 250 after the dot took.

import { connect, type Socket } from 'node:net';

/** What the devices do together: connections at once, messages in all, octets each. */
export type Load = { readonly port: number; readonly connections: number; readonly messages: number; readonly octets: number };
type LoadResult = { readonly perSecond: number; readonly median: number; readonly p99: number };

/** Hands over `messages` in all; rejects when any is refused. Times are in ms. */
export async function sendLoad({ port, connections, messages, octets }: Load): Promise<LoadResult> {
  const waits: number[] = [];
  const line = `${'x'.repeat(76)}\r\n`;
  const body = Buffer.from(
    `Subject: load\r\nFrom: <cam@example.org>\r\n\r\n${line.repeat(Math.ceil(octets / line.length))}`
      .slice(0, octets - 2)
      .concat('\r\n.\r\n'),
  );
  let left = messages;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const device = new Device(connect(port, '127.0.0.1'));
      await device.expect('220');
      await device.say('EHLO load\r\n', '250');
      while (left-- > 0) {
        await device.say('MAIL FROM:<cam@example.org>\r\n', '250');
        await device.say('RCPT TO:<you@example.org>\r\n', '250');
        await device.say('DATA\r\n', '354');
        const dot = performance.now();
        await device.say(body, '250');
        waits.push(performance.now() - dot);
      }
      await device.say('QUIT\r\n', '221');
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  waits.sort((one, other) => one - other);
  const at = (share: number) => waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? Number.NaN;
  return { perSecond: messages / seconds, median: at(0.5), p99: at(0.99) };
}

class Device {
  readonly #socket: Socket;
  #received = '';
  #wake = () => {};
  #error: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      this.#received += String(chunk);
      this.#wake();
    });
    for (const event of ['error', 'close'] as const) {
      socket.on(event, (error) => {
        this.#error = error instanceof Error ? error : new Error('closed');
        this.#wake();
      });
    }
  }

  say(octets: string | Buffer, code: string): Promise<void> {
    this.#socket.write(octets);
    return this.expect(code);
  }

  async expect(code: string): Promise<void> {
    for (;;) {
      const whole = /^(?:\d{3}-[^\n]*\n)*(\d{3})(?: [^\n]*)?\n/.exec(this.#received);
      if (whole !== null) {
        this.#received = this.#received.slice(whole[0].length);
        if (whole[1] !== code) throw new Error(`expected ${code}, got ${whole[0]}`);
        return;
      }
      if (this.#error !== undefined) throw this.#error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
