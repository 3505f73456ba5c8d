// A socket that is still to open, as a promise: a TCP connection, or a TLS handshake on either side. Whoever
// asked for it finds the words for a failure; after one the socket is closed, and none of its events matters.

import type { Socket } from 'node:net';
import type { Clock } from './clock.ts';

/** `ETIMEDOUT`: the deadline passed. `ECONNABORTED`: one of the two sides closed the connection, without an error. */
export class NotOpened extends Error {
  override readonly name = 'NotOpened';
  readonly code: 'ETIMEDOUT' | 'ECONNABORTED';
  constructor(code: NotOpened['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * `socket`, once it has emitted `event`: `connect` of a net.Socket, `secureConnect` of a TLS client, `secure` of a
 * TLS server. Rejects with the socket's own error, or with NotOpened when `within` ms have passed or the connection
 * was closed. The socket is destroyed before it rejects.
 */
export function opened<S extends Socket>(
  socket: S,
  event: 'connect' | 'secureConnect' | 'secure',
  within: number,
  clock: Pick<Clock, 'after'>,
): Promise<S> {
  return new Promise((resolve, reject) => {
    const release = () => {
      cancel();
      socket.off(event, onOpen).off('error', fail).off('end', onClose).off('close', onClose);
    };
    const fail = (error: Error) => {
      release();
      socket.on('error', () => {}).destroy();
      reject(error);
    };
    const onOpen = () => {
      release();
      resolve(socket);
    };
    const onClose = () => fail(new NotOpened('ECONNABORTED', 'the connection was closed before it was open'));
    const cancel = clock.after(within, () => fail(new NotOpened('ETIMEDOUT', `the connection was not open within ${within} ms`)));
    socket.once(event, onOpen).once('error', fail).once('end', onClose).once('close', onClose);
  });
}
