// TLS with a device, as its server: from the first byte, or after STARTTLS.

import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { Clock } from '../system/clock.ts';
import { NotOpened, opened } from '../system/opening.ts';
import { tlsProblem } from '../system/tls-problem.ts';
import { adviceForTls } from './advice.ts';
import { LIMITS } from './limits.ts';

/** Where the certificate for TLS with devices comes from. */
export interface TlsContexts {
  /** What a handshake needs; undefined until there is a certificate. */
  readonly context: SecureContext | undefined;
  /** Makes the certificate, or renews it, if that is due; resolves once that was done or has failed. Never rejects. */
  prepare(): Promise<void>;
}

/**
 * The connection under TLS. Rejects when the handshake fails, takes longer than the limit, or the device goes; the
 * connection is then closed.
 */
export async function acceptTls(connection: Duplex, context: SecureContext, clock: Clock): Promise<TLSSocket> {
  // Node's types want a net.Socket; any Duplex does.
  const socket = new TLSSocket(connection as never, { isServer: true, secureContext: context });
  // Node reports a record that can't be read after the handshake to a tls.Server, and there is none here. Without this
  // line the session would stay open until its timeout.
  (socket as EventEmitter).on('_tlsError', (error: Error) => socket.destroy(error));
  // Node notices that the peer closed its side only while something is read from it, and no session reads yet.
  const onReadable = () => void socket.read(0);
  const onClose = () => socket.destroy();
  socket.on('readable', onReadable);
  connection.once('close', onClose);
  try {
    return await opened(socket, 'secure', LIMITS.tlsHandshake, clock);
  } catch (error) {
    connection.destroy();
    throw error instanceof NotOpened ? new Error(PROBLEMS[error.code]) : error;
  } finally {
    socket.off('readable', onReadable);
    connection.off('close', onClose);
  }
}

const PROBLEMS = {
  ETIMEDOUT: 'the handshake took too long',
  ECONNABORTED: 'the device closed the connection during the handshake',
} satisfies Record<NotOpened['code'], string>;

/** What a handshake that failed with `error` is reported as. */
export function tlsFailure(
  device: string,
  error: unknown,
): { readonly device: string; readonly problem: string; readonly advice?: string } {
  const problem = tlsProblem(error);
  const advice = adviceForTls(problem);
  return { device, problem, ...(advice === undefined ? {} : { advice }) };
}
