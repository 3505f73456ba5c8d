// An upstream's state, as `gatepost status` shows it.

/**
 * `untried`: it has answered no message yet. `slowed`: up, but the provider asked for less mail at once. `probing`:
 * down, and one message is being tried.
 */
export type UpstreamStatus = {
  readonly name: string;
  /** Patterns of the senders that it is for; absent for all that no other one names. */
  readonly senders?: readonly string[];
  readonly state: 'untried' | 'up' | 'slowed' | 'down' | 'probing';
  readonly problem?: string;
  /** What the owner can do about it. */
  readonly advice?: string;
  readonly downSeconds?: number;
  readonly retryInSeconds?: number;
};
