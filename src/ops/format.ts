// Sizes and times for people to read.

/** Octets as KiB or MiB, with one digit behind the point. */
export function size(octets: number): string {
  return octets >= 2 ** 20 ? `${(octets / 2 ** 20).toFixed(1)} MiB` : `${(octets / 1024).toFixed(1)} KiB`;
}

/** Seconds in the largest unit that leaves two or more of it, rounded: s, min, h or days. */
export function span(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}
