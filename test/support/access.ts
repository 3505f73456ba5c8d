// What sessions in tests are allowed, unless a test says otherwise: everything.

import type { PolicySettings } from '../../src/server/access.ts';
import type { Neighbourhood } from '../../src/system/neighbourhood.ts';

export const policySettings = (more: Partial<PolicySettings> = {}): PolicySettings => ({
  hostname: 'gate.example',
  allow: { networks: [], lan: false, gateway: false },
  maxRecipients: 100,
  allowSenders: undefined,
  allowRecipients: undefined,
  deviceRate: undefined,
  defaultDomain: undefined,
  isTlsRequired: false,
  ...more,
});

/** A board whose own networks and routers are these addresses. */
export const neighbourhood = (onLink: readonly string[] = [], gateways: readonly string[] = []): Neighbourhood => ({
  isOnLink: (address) => onLink.includes(address),
  isGateway: (address) => gateways.includes(address),
});
