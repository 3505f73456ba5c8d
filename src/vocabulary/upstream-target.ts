// One upstream as configured.

import type { Credentials } from '../smtp/sasl/mechanism.ts';
import type { MechanismChoice } from '../smtp/sasl/mechanisms.ts';
import type { SenderRoute } from './sender-route.ts';

/** The SASL mechanism to log in with; `auto` for the strongest that the upstream offers. */
export type AuthChoice = 'auto' | MechanismChoice | 'none';

/** One URL of GATEPOST_UPSTREAM. */
export type UpstreamUrl = SenderRoute & {
  /**
   * `starttls`: required after EHLO. `tls`: from the first byte. `plain`: no TLS, to loopback and private addresses
   * only.
   */
  readonly security: 'starttls' | 'tls' | 'plain';
  readonly host: string;
  readonly port: number;
  readonly credentials: Credentials | undefined;
};

/** An upstream with all that is needed to connect to it. */
export type UpstreamTarget = UpstreamUrl & { readonly auth: AuthChoice };
