// One snapshot of the running relay, as the control socket gives it and people read it.

export type Counted = { readonly octets: number; readonly syncs: number };

export type Status = {
  readonly version: string;
  readonly hostname: string;
  readonly listening: readonly string[];
  readonly upSeconds: number;
  /** Octets a device may send at most, right now. */
  readonly sizeLimit: number;
  readonly upstreams: readonly {
    readonly name: string;
    readonly state: 'up' | 'down' | 'probing';
    readonly problem?: string;
    readonly downSeconds?: number;
    readonly retryInSeconds?: number;
  }[];
  readonly spool: {
    readonly messages: number;
    readonly held: number;
    readonly capacity: number;
    readonly segments: number;
    readonly damage: readonly {
      readonly segment: string;
      readonly problem: string;
      readonly lost: readonly string[];
      readonly maybeLost: readonly string[];
    }[];
  };
  readonly flash: { readonly today: Counted; readonly total: Counted; readonly yearsLeft?: number };
};

/** Lines for people. */
export function formatStatus(status: Status): readonly string[] {
  const { spool, flash } = status;
  const lines = [
    `${status.hostname}: Gatepost ${status.version}, up ${span(status.upSeconds)}, listening on ${status.listening.join(' and ')}`,
  ];
  lines.push(
    `${spool.messages} messages wait; the spool holds ${size(spool.held)} of ${size(spool.capacity)}; devices may send up to ${size(status.sizeLimit)}`,
  );
  for (const { name, state, problem, downSeconds, retryInSeconds } of status.upstreams) {
    const retry = retryInSeconds === undefined ? 'being tried now' : `tried again in ${span(retryInSeconds)}`;
    lines.push(
      state === 'up' ? `upstream ${name} is up` : `upstream ${name} is down for ${span(downSeconds ?? 0)}, ${retry}: ${problem ?? ''}`,
    );
  }
  for (const { segment, problem, lost, maybeLost } of spool.damage) {
    lines.push(
      `DAMAGE in ${segment}: ${problem}${lost.length > 0 ? `; lost: ${lost.join(' ')}` : ''}${maybeLost.length > 0 ? `; perhaps lost: ${maybeLost.join(' ')}` : ''}`,
    );
  }
  const life =
    flash.yearsLeft === undefined
      ? 'too early to tell how long the card will last'
      : `at this rate the card lasts ${flash.yearsLeft >= 100 ? 'over 100' : flash.yearsLeft} years`;
  lines.push(`written to flash: today ${counted(flash.today)}, in all ${counted(flash.total)}; ${life}`);
  return lines;
}

const counted = ({ octets, syncs }: Counted) => `${size(octets)} in ${syncs} syncs`;

function size(octets: number): string {
  return octets >= 2 ** 20 ? `${(octets / 2 ** 20).toFixed(1)} MiB` : `${(octets / 1024).toFixed(1)} KiB`;
}

function span(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}
