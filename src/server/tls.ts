// TLS with a device, as its server: from the first byte, or after STARTTLS.

import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { Clock } from '../system/clock.ts';
import { LIMITS } from './limits.ts';

/** The connection under TLS; rejects when the handshake fails or takes too long, the connection then being closed. */
export function acceptTls(connection: Duplex, context: SecureContext, clock: Clock): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    // Node's types want a net.Socket; any Duplex does.
    const socket = new TLSSocket(connection as never, { isServer: true, secureContext: context });
    // A record that can't be read after the handshake is told to a tls.Server, which there is none of; without this the
    // session would stand until its timeout.
    (socket as EventEmitter).on('_tlsError', (error: Error) => socket.destroy(error));
    const fail = (error: Error) => {
      release();
      socket.destroy();
      connection.destroy();
      reject(error);
    };
    const cancel = clock.after(LIMITS.tlsHandshake, () => fail(new Error('the handshake took too long')));
    const onClose = () => fail(new Error('the device closed the connection during the handshake'));
    // A side that was closed is seen by who reads, and there is nothing to be read yet.
    const onReadable = () => void socket.read(0);
    const release = () => {
      cancel();
      socket.off('error', fail).off('end', onClose).off('readable', onReadable);
      connection.off('close', onClose);
    };
    socket.once('error', fail).once('end', onClose).on('readable', onReadable);
    connection.once('close', onClose);
    socket.once('secure', () => {
      release();
      resolve(socket);
    });
  });
}
