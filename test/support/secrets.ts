// No password may stand in anything that the program writes. Every process that tests start, and every line that
// dialogs make it log, is searched for the passwords that it was given, plain and as base64 carries them.

const known = new Set<string>();
const leaks: string[] = [];

// Shorter ones stand in any text.
const SHORTEST = 4;

/** Makes the password one that is searched for. */
export function alsoSecret(...passwords: readonly string[]): void {
  for (const password of passwords) {
    if (password.length < SHORTEST) continue;
    known.add(password);
    known.add(encodeURIComponent(password));
    for (const offset of [0, 1, 2]) known.add(base64Core(password, offset));
  }
}

/** What base64 makes of the text behind `offset` other octets, without the letters that depend on neighbours. */
function base64Core(text: string, offset: number): string {
  const octets = Buffer.from(text);
  const from = Math.ceil((offset * 8) / 6);
  const to = Math.floor(((offset + octets.length) * 8) / 6);
  return Buffer.concat([Buffer.alloc(offset), octets])
    .toString('base64')
    .slice(from, to);
}

/** The passwords that a process gets in its environment. */
export function secretsIn(environment: Readonly<Record<string, string | undefined>>): void {
  const { GATEPOST_UPSTREAM_PASSWORD: password, GATEPOST_UPSTREAM: url = '', GATEPOST_DEVICE_USERS: users = '' } = environment;
  const { GATEPOST_OAUTH_CLIENT_SECRET: client, GATEPOST_OAUTH_SEAL: seal } = environment;
  for (const one of [client, seal]) if (one !== undefined) alsoSecret(one);
  if (password !== undefined) alsoSecret(password);
  for (const [, inUrl = ''] of url.matchAll(/\/\/[^:/@]*:([^@/]*)@/g)) alsoSecret(decodeURIComponent(inUrl));
  for (const line of users.split('\n')) alsoSecret(line.slice(line.indexOf(':') + 1).trim());
}

/** Looks through what the program wrote; what is found makes the test fail that is running. */
export function searchForSecrets(text: string, where: string): void {
  for (const secret of known) if (text.includes(secret)) leaks.push(`${where} has ${JSON.stringify(secret)}: ${text.slice(0, 500)}`);
}

/** What was found since the last call. */
export function leaksFound(): readonly string[] {
  return leaks.splice(0);
}
