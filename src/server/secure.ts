// TLS with a device, as its server: from the first byte, or after STARTTLS.

import type { Duplex } from 'node:stream';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { Clock } from '../system/clock.ts';
import { LIMITS } from './limits.ts';

/** The connection under TLS; rejects when the handshake fails or takes too long, the connection then being closed. */
export function secure(connection: Duplex, context: SecureContext, clock: Clock): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    // Node's types want a net.Socket; any Duplex does.
    const socket = new TLSSocket(connection as never, { isServer: true, secureContext: context });
    const fail = (error: Error) => {
      cancel();
      socket.destroy();
      connection.destroy();
      reject(error);
    };
    const cancel = clock.after(LIMITS.tlsHandshake, () => fail(new Error('the handshake took too long')));
    const onClose = () => fail(new Error('the device closed the connection during the handshake'));
    socket.once('error', fail);
    connection.once('close', onClose);
    socket.once('secure', () => {
      cancel();
      socket.off('error', fail);
      connection.off('close', onClose);
      resolve(socket);
    });
  });
}
