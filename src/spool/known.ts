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

export function createKnownDevices(): KnownDevices {
  const firstHeard = new Map<string, number>();
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
