// An address whose first SYN is lost, as on any mobile link: a process that listens there is stopped, and the
// queue of connections that it has not accepted is full, so that the kernel drops what comes. Once the process
// goes on, the client's next SYN, a second after the first, is answered.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

// Hands every connection on to another port of loopback, once its client has said that it is one; a filler says nothing.
const PROGRAM = `
const { connect, createServer } = require('node:net');
const [address, target] = process.argv.slice(1);
createServer((socket) => {
  const beyond = connect(Number(target), '127.0.0.1');
  socket.on('error', () => beyond.destroy()).pipe(beyond).on('error', () => socket.destroy()).pipe(socket);
}).listen({ host: address, port: 0, backlog: 1 }, function () { console.log(this.address().port); });
`;

const FILLERS = 4;

export type SlowListener = {
  readonly port: number;
  /** From now on SYNs are dropped, until the process goes on. */
  stop(): Promise<void>;
  goOn(): void;
  close(): void;
};

/** Listens at an address of loopback for what is meant for that port. */
export async function slowListener(address: string, target: number): Promise<SlowListener> {
  const child = spawn(process.execPath, ['-e', PROGRAM, address, String(target)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(line.toString());
  const fillers: Socket[] = [];
  return {
    port,
    async stop() {
      child.kill('SIGSTOP');
      for (let count = 0; count < FILLERS; count++) {
        const filler = connect(port, address).on('error', () => {});
        fillers.push(filler);
        await Promise.race([once(filler, 'connect'), new Promise((resolve) => setTimeout(resolve, 100))]);
      }
    },
    goOn() {
      for (const filler of fillers.splice(0)) filler.destroy();
      child.kill('SIGCONT');
    },
    close() {
      for (const filler of fillers.splice(0)) filler.destroy();
      child.kill('SIGKILL');
    },
  };
}
