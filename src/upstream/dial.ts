// A TCP connection to the upstream. Node tries the addresses of a name in turn, IPv6 and IPv4 (RFC 8305).

import { connect, type LookupFunction, type Socket } from 'node:net';
import type { Clock } from '../system/clock.ts';
import { opened } from '../system/opening.ts';
import { formatEndpoint } from '../vocabulary/endpoint.ts';
import { isPrivate } from '../vocabulary/network.ts';
import type { UpstreamTarget } from '../vocabulary/upstream-target.ts';
import { UpstreamFailed, WAIT } from './dialogue.ts';

/** Called with what a connection attempt has opened last, so that a stop can cut it short. */
export type OnOpened = (what: { destroy(): void }) => void;

type DialParts = {
  readonly clock: Clock;
  /** Finds the addresses of a name; the system's when undefined. */
  readonly lookup: LookupFunction | undefined;
  /** Given the socket as soon as there is one. */
  readonly onOpened: OnOpened;
};

/** A connected socket; rejects with UpstreamFailed. */
export async function dial(target: UpstreamTarget, { clock, lookup, onOpened }: DialParts): Promise<Socket> {
  const trying = connect({ host: target.host, port: target.port, autoSelectFamily: true, ...(lookup === undefined ? {} : { lookup }) });
  onOpened(trying);
  const socket = await opened(trying, 'connect', WAIT.connect, clock).catch((error: NodeJS.ErrnoException) => {
    throw new UpstreamFailed(error.syscall === 'getaddrinfo' ? 'resolve' : 'connect', describe(error, target));
  });
  socket.setNoDelay(true);
  // A name may point anywhere, whatever the configuration's own check made of it.
  if (target.security !== 'plain' || isPrivate(socket.remoteAddress ?? '')) return socket;
  const problem = `smtp+plain goes to loopback and private addresses only, and ${target.host} is ${socket.remoteAddress}`;
  throw new UpstreamFailed('connect', problem);
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
