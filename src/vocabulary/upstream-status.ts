// An upstream's state, as people see it.

/** `slowed`: up, but the provider has asked for less. `probing`: down, and a message is being tried. */
export type UpstreamStatus = {
  readonly name: string;
  readonly state: 'up' | 'slowed' | 'down' | 'probing';
  readonly problem?: string;
  /** What the owner can do about it. */
  readonly advice?: string;
  readonly downSeconds?: number;
  readonly retryInSeconds?: number;
};
