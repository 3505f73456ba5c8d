// The list of SASL mechanisms. A new one is a file beside this one and a row here; from the rows follow what EHLO
// offers, what UPSTREAM_AUTH may be, and which mechanism `auto` takes.

import { CRAM_MD5 } from './cram-md5.ts';
import { LOGIN } from './login.ts';
import type { BearerCredentials, ClientSide, Mechanism, ServerSide } from './mechanism.ts';
import { OAUTHBEARER } from './oauthbearer.ts';
import { PLAIN } from './plain.ts';
import { SCRAM_SHA_256 } from './scram-sha-256.ts';
import { XOAUTH2 } from './xoauth2.ts';

// In the order in which EHLO lists them: some devices take the first one, and all of them know PLAIN.
const MECHANISMS = [PLAIN, LOGIN, CRAM_MD5, SCRAM_SHA_256, OAUTHBEARER, XOAUTH2] as const satisfies readonly Mechanism[];

type ClientRow = Extract<(typeof MECHANISMS)[number], { readonly client: ClientSide }>;

const hasClient = (row: Mechanism): row is ClientRow => row.client !== undefined;

const CLIENT_ROWS = MECHANISMS.filter(hasClient).sort((one, other) => other.strength - one.strength);

type BearerRow = Extract<(typeof MECHANISMS)[number], { readonly bearer: ClientSide<BearerCredentials> }>;

const hasBearer = (row: Mechanism): row is BearerRow => row.bearer !== undefined;

const BEARER_ROWS = MECHANISMS.filter(hasBearer).sort((one, other) => other.strength - one.strength);

/** A mechanism as the configuration names it: `scram-sha-256`. */
export type MechanismChoice = Lowercase<(ClientRow | BearerRow)['name']>;

/** A row's client side with its name. */
export type ClientMechanism = ClientSide & Pick<Mechanism, 'name'>;

/** The same of a row that takes an OAuth token. */
export type BearerMechanism = ClientSide<BearerCredentials> & Pick<Mechanism, 'name'>;

/** A row's server side with its name. */
export type ServerMechanism = ServerSide & Pick<Mechanism, 'name'>;

/** What a password logs in with at an upstream, the strongest first. */
export const CLIENT_MECHANISMS: readonly ClientMechanism[] = CLIENT_ROWS.map(({ name, client }) => ({ name, ...client }));

/** What an OAuth token logs in with, the preferred first. */
export const BEARER_MECHANISMS: readonly BearerMechanism[] = BEARER_ROWS.map(({ name, bearer }) => ({ name, ...bearer }));

const namesOf = (rows: readonly Mechanism[]) => rows.map(({ name }) => name.toLowerCase() as MechanismChoice);

/** Mechanisms for passwords as the configuration names them, the strongest first. */
export const PASSWORD_CHOICES: readonly MechanismChoice[] = namesOf(CLIENT_ROWS);

/** Mechanisms for OAuth tokens as the configuration names them, the preferred first. */
export const TOKEN_CHOICES: readonly MechanismChoice[] = namesOf(BEARER_ROWS);

/** What a device can log in with, in the order of EHLO's list. */
export const SERVER_MECHANISMS: readonly ServerMechanism[] = MECHANISMS.flatMap(({ name, ...sides }) =>
  'server' in sides ? [{ name, ...sides.server }] : [],
);
