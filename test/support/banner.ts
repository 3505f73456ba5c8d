// Whether an SMTP server has come up.

import { connect } from 'node:net';

/** Whether a banner comes within a second and a half. */
export function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const finish = (result: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => finish(false), 1_500);
    socket.once('data', (chunk) => finish(chunk.toString().startsWith('220')));
    for (const event of ['error', 'end', 'close']) socket.once(event, () => finish(false));
  });
}
