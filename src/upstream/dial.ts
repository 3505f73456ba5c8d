// A TCP connection to one address of the upstream.

import { connect, type Socket } from 'node:net';
import type { Clock } from '../system/clock.ts';
import { opened } from '../system/opening.ts';
import { formatEndpoint } from '../vocabulary/endpoint.ts';
import { isPrivate } from '../vocabulary/network.ts';
import type { UpstreamTarget } from '../vocabulary/upstream-target.ts';
import { UpstreamFailed } from './dialogue.ts';

/** Called with what a connection attempt has opened last, so that a stop can cut it short. */
export type OnOpened = (what: { destroy(): void }) => void;

type DialParts = {
  readonly clock: Clock;
  /** In ms. */
  readonly within: number;
  /** Given the socket as soon as there is one. */
  readonly onOpened: OnOpened;
};

/** A socket that is connected to `address`, one of the target's; rejects with UpstreamFailed. */
export async function dial(target: UpstreamTarget, address: string, { clock, within, onOpened }: DialParts): Promise<Socket> {
  const trying = connect({ host: address, port: target.port });
  onOpened(trying);
  const socket = await opened(trying, 'connect', within, clock).catch((error: NodeJS.ErrnoException) => {
    throw new UpstreamFailed('connect', describe(error, target, address));
  });
  socket.setNoDelay(true);
  // A name may point anywhere, whatever the configuration's own check made of it.
  if (target.security !== 'plain' || isPrivate(socket.remoteAddress ?? '')) return socket;
  socket.on('error', () => {}).destroy();
  const problem = `smtp+plain goes to loopback and private addresses only, and ${target.host} is ${socket.remoteAddress}`;
  throw new UpstreamFailed('connect', problem);
}

function describe(error: NodeJS.ErrnoException, target: UpstreamTarget, address: string): string {
  const name = target.host === address ? formatEndpoint(target) : `${formatEndpoint(target)} (${address})`;
  switch (error.code) {
    case 'ECONNREFUSED':
      return `${name} refuses the connection: nothing listens there`;
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
      return `no route to ${name}`;
    case 'ETIMEDOUT':
      return `${name} does not answer: it is down, or the port is blocked on the way`;
    default:
      return error.message;
  }
}
