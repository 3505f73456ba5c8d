// A TCP connection to the upstream. Node tries the addresses of a name side by side, IPv6 and IPv4 (RFC 8305).

import { connect, type LookupFunction, type Socket } from 'node:net';
import type { Clock } from '../system/clock.ts';
import { formatEndpoint } from '../vocabulary/endpoint.ts';
import { isPrivate } from '../vocabulary/network.ts';
import type { UpstreamTarget } from '../vocabulary/upstream-target.ts';
import { UpstreamFailed, WAIT } from './dialogue.ts';

export type DialParts = {
  readonly clock: Clock;
  /** The system's when absent. */
  readonly lookup?: LookupFunction;
  /** Given the socket as soon as there is one, so that a stop can cut it. */
  readonly opened: (what: { destroy(): void }) => void;
};

export async function dial(target: UpstreamTarget, { clock, lookup, opened }: DialParts): Promise<Socket> {
  const socket = await new Promise<Socket>((resolve, reject) => {
    const trying = connect({ host: target.host, port: target.port, autoSelectFamily: true, ...(lookup === undefined ? {} : { lookup }) });
    opened(trying);
    const cancel = clock.after(WAIT.connect, () => trying.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })));
    const onError = (error: NodeJS.ErrnoException) => {
      cancel();
      reject(new UpstreamFailed(error.syscall === 'getaddrinfo' ? 'resolve' : 'connect', describe(error, target)));
    };
    const onClose = () => onError(new Error('the connection was given up'));
    trying.once('error', onError).once('close', onClose);
    trying.once('connect', () => {
      cancel();
      trying.off('error', onError).off('close', onClose).setNoDelay(true);
      resolve(trying);
    });
  });
  // A name may point anywhere, whatever the configuration's own check made of it.
  if (target.security === 'plain' && !isPrivate(socket.remoteAddress ?? ''))
    throw new UpstreamFailed(
      'connect',
      `smtp+plain goes to loopback and private addresses only, and ${target.host} is ${socket.remoteAddress}`,
    );
  return socket;
}

function describe(error: NodeJS.ErrnoException, target: UpstreamTarget): string {
  const name = formatEndpoint(target);
  switch (error.code) {
    case 'ENOTFOUND':
      return `the name ${target.host} does not exist`;
    case 'EAI_AGAIN':
      return `the name ${target.host} can't be looked up: no DNS server answers`;
    case 'ECONNREFUSED':
      return `${name} refuses the connection: nothing listens there`;
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
      return `no route to ${name}`;
    case 'ETIMEDOUT':
      return `${name} does not answer: it is down, or the port is blocked on the way`;
    default:
      // Several addresses failed: Node gives an AggregateError without message.
      return error instanceof AggregateError ? error.errors.map((one: Error) => one.message).join('; ') : error.message;
  }
}
