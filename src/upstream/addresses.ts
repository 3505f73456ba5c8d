// The addresses of an upstream's name (RFC 5321, section 5.1: each of them is tried, in order). An address that has
// failed goes to the end of the list for an hour, so that the next attempt begins with another one. MX records are not
// looked up: who submits mail is told a host (RFC 6409).

import dns, { type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import type { Clock, Monotonic } from '../system/clock.ts';
import { UpstreamFailed, WAIT } from './dialogue.ts';

// How long an address that has failed stays at the end, in ms.
const REMEMBERED = 3_600_000;

/** The addresses of one host, and which of them have failed of late. */
export class Addresses {
  readonly #host: string;
  readonly #clock: Clock;
  readonly #lookup: LookupFunction | undefined;
  /** When each failed, the latest last. */
  readonly #failed = new Map<string, Monotonic>();

  /** `lookup` finds the addresses of a name; the system's when undefined. */
  constructor(host: string, clock: Clock, lookup?: LookupFunction) {
    this.#host = host;
    this.#clock = clock;
    this.#lookup = lookup;
  }

  /**
   * All addresses, in the order in which to try them, at least one. Rejects with UpstreamFailed; `stop` cuts it short.
   */
  async find(stop: AbortSignal): Promise<readonly string[]> {
    const found = isIP(this.#host) === 0 ? await this.#resolve(stop) : [this.#host];
    const oldest = this.#clock.now() - REMEMBERED;
    for (const [address, at] of this.#failed) if (at < oldest || !found.includes(address)) this.#failed.delete(address);
    return [...found.filter((address) => !this.#failed.has(address)), ...this.#failed.keys()];
  }

  /** A connection to the address could not be used. */
  failed(address: string): void {
    this.#failed.delete(address);
    this.#failed.set(address, this.#clock.now());
  }

  /** A connection to the address is ready for mail. */
  worked(address: string): void {
    this.#failed.delete(address);
  }

  #resolve(stop: AbortSignal): Promise<readonly string[]> {
    const host = this.#host;
    return new Promise((resolve, reject) => {
      const fail = (problem: string) => {
        end();
        reject(new UpstreamFailed('resolve', problem));
      };
      const cut = () => fail('the relay is stopping');
      const cancel = this.#clock.after(WAIT.resolve, () => fail(`the name ${host} can't be looked up: no DNS server answers in time`));
      const end = () => {
        cancel();
        stop.removeEventListener('abort', cut);
      };
      stop.addEventListener('abort', cut, { once: true });
      // By its property, so that what replaces dns.lookup in a process (caches, tests) is used, as Node's own sockets
      // do.
      const lookup = this.#lookup ?? (dns.lookup as LookupFunction);
      lookup(host, { all: true }, (error, found) => {
        if (error !== null) return fail(describe(error, host));
        const addresses = addressesIn(found);
        if (addresses.length === 0) return fail(`the name ${host} has no address`);
        end();
        resolve(addresses);
      });
    });
  }
}

const addressesIn = (found: string | LookupAddress[]): readonly string[] => [
  ...new Set(typeof found === 'string' ? [found] : found.map(({ address }) => address)),
];

function describe(error: NodeJS.ErrnoException, host: string): string {
  switch (error.code) {
    case 'ENOTFOUND':
      return `the name ${host} does not exist`;
    case 'EAI_AGAIN':
      return `the name ${host} can't be looked up: no DNS server answers`;
    default:
      return `the name ${host} can't be looked up: ${error.message}`;
  }
}
