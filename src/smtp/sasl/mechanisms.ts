// The list of SASL mechanisms. A new one is a file beside this one and a row here; from the rows follow what EHLO
// offers, what UPSTREAM_AUTH may be, and which mechanism `auto` takes.

import { CRAM_MD5 } from './cram-md5.ts';
import { LOGIN } from './login.ts';
import type { ClientSide, Mechanism, ServerSide } from './mechanism.ts';
import { PLAIN } from './plain.ts';
import { SCRAM_SHA_256 } from './scram-sha-256.ts';

// In the order in which EHLO lists them: some devices take the first one, and all of them know PLAIN.
const MECHANISMS = [PLAIN, LOGIN, CRAM_MD5, SCRAM_SHA_256] as const satisfies readonly Mechanism[];

type ClientRow = Extract<(typeof MECHANISMS)[number], { readonly client: ClientSide }>;

const hasClient = (row: Mechanism): row is ClientRow => row.client !== undefined;

const CLIENT_ROWS = MECHANISMS.filter(hasClient).sort((one, other) => other.strength - one.strength);

/** A mechanism as the configuration names it: `scram-sha-256`. */
export type MechanismChoice = Lowercase<ClientRow['name']>;

/** A row's client side with its name. */
export type ClientMechanism = ClientSide & Pick<Mechanism, 'name'>;

/** A row's server side with its name. */
export type ServerMechanism = ServerSide & Pick<Mechanism, 'name'>;

/** What we can log in with at an upstream, the strongest first. */
export const CLIENT_MECHANISMS: readonly ClientMechanism[] = CLIENT_ROWS.map(({ name, client }) => ({ name, ...client }));

/** The same as the configuration names them, the strongest first. */
export const MECHANISM_CHOICES: readonly MechanismChoice[] = CLIENT_ROWS.map(({ name }) => name.toLowerCase() as MechanismChoice);

/** What a device can log in with, in the order of EHLO's list. */
export const SERVER_MECHANISMS: readonly ServerMechanism[] = MECHANISMS.flatMap(({ name, ...sides }) =>
  'server' in sides ? [{ name, ...sides.server }] : [],
);
