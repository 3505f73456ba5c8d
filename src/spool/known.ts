// Known devices: those that were first heard an hour of running time ago, or longer. A flood of addresses is
// new; the last part of the space is kept from it, for the smoke detector that has been there for years.
//
// The table is bounded and nobody in it is ever put out by a new one, so a flood can fill it, and then
// others stay new, but it can't make anybody unknown. Recovery makes it anew from the commits in the log.

export interface KnownDevices {
  /** A message of the device came at `at`, in ms of running time. */
  heard(device: string, at: number): void;
  isKnown(device: string, now: number): boolean;
  known(now: number): Iterable<string>;
}

const KNOWN_AFTER = 3_600_000;
const MOST_DEVICES = 1_024;

/** Whose messages the relay's own are, for fairness and for people; no device has such an address. A notification takes the place of mail that came, so it is never new. */
export const OWN_DEVICE = 'gatepost';

export function createKnownDevices(): KnownDevices {
  const firstHeard = new Map([[OWN_DEVICE, Number.NEGATIVE_INFINITY]]);
  const isKnown = (device: string, now: number) => now - (firstHeard.get(device) ?? now) >= KNOWN_AFTER;
  return {
    heard(device, at) {
      const first = firstHeard.get(device);
      if (first === undefined ? firstHeard.size < MOST_DEVICES : at < first) firstHeard.set(device, at);
    },
    isKnown,
    known: (now) => [...firstHeard.keys()].filter((device) => isKnown(device, now)),
  };
}
