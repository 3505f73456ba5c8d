// Habits of providers, as text files: what one says and does, when, and what must come of it. One habit a
// file in test/habits, its source in the opening comment. habit-provider.ts plays the provider,
// habit-run.ts runs the relay against it.
//
//   # comment
//   @ HOSTNAME raspberrypi            a setting of the relay, GATEPOST_HOSTNAME; without a value it is unset
//                                     {provider} stands for the first provider's address and port, {NAME} for another's, {port} for
//                                     the port alone; the name localhost has the addresses of all providers, in their order
//   provider NAME [on 127.0.0.2]      what follows is about a further provider (the first is called "provider")
//   offers PIPELINING, AUTH PLAIN     the keywords of its EHLO under TLS, in place of the usual ones
//   security starttls | tls | plain | closed    what it speaks; starttls unless said otherwise; closed: nothing listens
//   at STAGE [CONDITION...]: ACT ; ACT ...
//                                     what it does in place of the polite reply; the first rule that fits decides
//   send 5 [at 10s] [every 30s] [to a@b,c@d] [from a@b] [size 2000] [8bit] [utf8]
//                                     alerts of a device, numbered from 1 through the file
//   restart at 1h                     the relay is stopped and started again over the same spool
//   run 2h                            how long all of it lasts
//
//   must deliver 1-3,5 | all [by 4m] [after 1m] [via NAME]      each once, unless "may repeat" is said
//   must bounce 4 [by 4m]             given up, the device's sender or the owner hears of it
//   must wait 2                       still in the queue at the end
//   must strand 2                     the same, or given up: never delivered
//   must refuse 6                     refused to the device itself
//   must notify 4 [by 4m]             a notification about it was taken by a provider
//   at most 3 connections | passwords | mails in 1m [to NAME] [after 10m]     passwords that came to nothing
//   at least 2 connections | passwords | mails in 1h [to NAME] [after 10m]
//   must say WORDS / must not say WORDS         one line of the log has all the words ("in quotes" with blanks)
//   must show WORDS at 5m / must not show WORDS at 5m      so has one line of `gatepost status` ("status| ...")
//                                     or `gatepost queue` ("queue| ...")
//   must hear TEXT / must not hear TEXT         what a provider heard: "NAME| line", "NAME| PASSWORD user secret",
//                                     "NAME| = line" of a message that it took
//   may repeat                        alerts may arrive twice (RFC 1047)
//
// Stages: greeting ehlo starttls mechanism (the AUTH command) password (in place of 235) mail rcpt data dot bdat rset quit.
//
// Conditions, all of which must hold:
//   until 130s, from 130s             time since the start
//   first 2                           of what comes at this stage (in all connections)
//   message 4+  connection 1-2  password 3+  open 2+  recipient 2+     by number: a+, a-b or a; `message` counts
//                                     MAIL in this connection, `open` the connections that stand now
//   taken 5+ in 1d, mails 2+ in 1s    messages taken, MAIL commands granted, in that time before
//   new 5m                            this sender and recipient were first seen less than so long ago (greylisting)
//   pipelined                         more commands lie behind this one
//   secure, clear                     under TLS, or not
//   8bit, long                        the message has octets above 127, or a line over 998
//   if TEXT, unless TEXT              the command has this text, whatever its case; at `dot` the message, at `password`
//                                     "user secret mechanism"
//
// Acts: a reply (`250 2.0.0 ok`; lines of one reply are separated by ` | `), ok (the polite reply), close, reset,
// silence (until the client goes), wait 3s, drop (throws away what lies behind the command).

import { readFileSync } from 'node:fs';

const STAGES = ['greeting', 'ehlo', 'starttls', 'mechanism', 'password', 'mail', 'rcpt', 'data', 'dot', 'bdat', 'rset', 'quit'] as const;
export type Stage = (typeof STAGES)[number];

/** `most` is infinite where there is no upper end. */
export type Count = { readonly least: number; readonly most: number };

const COUNTED = ['message', 'connection', 'password', 'open', 'recipient'] as const;

export type Condition =
  | { readonly on: 'until' | 'from' | 'new'; readonly milliseconds: number }
  | { readonly on: 'first'; readonly times: number }
  | { readonly on: (typeof COUNTED)[number]; readonly count: Count }
  | { readonly on: 'taken' | 'mails'; readonly count: Count; readonly milliseconds: number }
  | { readonly on: 'pipelined' | 'secure' | 'clear' | '8bit' | 'long' }
  | { readonly on: 'if' | 'unless'; readonly text: string };

export type Act =
  | { readonly act: 'reply'; readonly lines: readonly string[] }
  | { readonly act: 'ok' | 'close' | 'reset' | 'silence' | 'drop' }
  | { readonly act: 'wait'; readonly milliseconds: number };

export type Rule = { readonly stage: Stage; readonly conditions: readonly Condition[]; readonly acts: readonly Act[] };

export type ProviderScript = {
  readonly name: string;
  readonly address: string;
  /** `closed`: nothing listens at its address. */
  readonly security: 'starttls' | 'tls' | 'plain' | 'closed';
  readonly offers: readonly string[];
  readonly rules: readonly Rule[];
};

/** One alert, or several of a kind; times in ms from the start. */
export type Sending = {
  readonly count: number;
  readonly at: number;
  readonly every: number;
  readonly from: string;
  readonly to: string;
  readonly octets: number;
  readonly has: ReadonlySet<'8bit' | 'utf8'>;
};

/** `passwords`: that were sent and not answered with 235. */
export type Counted = 'connections' | 'passwords' | 'mails';

/** What must come of it; `line` is where it stands. Alerts are `all` or a set of numbers. */
export type Demand = { readonly line: number; readonly text: string } & (
  | {
      readonly must: 'deliver' | 'bounce' | 'wait' | 'strand' | 'refuse' | 'notify';
      readonly alerts: 'all' | ReadonlySet<number>;
      readonly by?: number;
      readonly after?: number;
      readonly via?: string;
    }
  | {
      readonly must: 'count';
      readonly count: Count;
      readonly of: Counted;
      readonly within: number;
      readonly to?: string;
      readonly after?: number;
    }
  | { readonly must: 'say' | 'hear'; readonly not: boolean; readonly words: readonly string[] }
  | { readonly must: 'show'; readonly not: boolean; readonly words: readonly string[]; readonly at: number }
);

export type Habit = {
  readonly settings: ReadonlyMap<string, string | undefined>;
  readonly providers: readonly ProviderScript[];
  readonly sendings: readonly Sending[];
  readonly restarts: readonly number[];
  readonly lasts: number;
  readonly demands: readonly Demand[];
  readonly mayRepeat: boolean;
};

const USUAL_OFFERS = ['PIPELINING', 'SIZE 35882577', '8BITMIME', 'ENHANCEDSTATUSCODES', 'AUTH PLAIN LOGIN'];

type Draft = { -readonly [K in keyof ProviderScript]: ProviderScript[K] extends readonly (infer T)[] ? T[] : ProviderScript[K] };

/** Reads a habit; throws with file and line where it is malformed. */
export function readHabit(path: string): Habit {
  const reader = new HabitReader();
  for (const [at, text] of readFileSync(path, 'utf8').split('\n').entries()) {
    if (text.trim() === '' || text.startsWith('#')) continue;
    try {
      reader.read(text.trim(), at + 1);
    } catch (error) {
      throw new Error(`${path}:${at + 1}: ${(error as Error).message}: ${text}`);
    }
  }
  return reader.habit();
}

class HabitReader {
  readonly #settings = new Map<string, string | undefined>();
  readonly #providers: Draft[] = [provider('provider', '127.0.0.1')];
  readonly #sendings: Sending[] = [];
  readonly #restarts: number[] = [];
  readonly #demands: Demand[] = [];
  #lasts = 0;
  #mayRepeat = false;

  read(text: string, line: number): void {
    const [word = '', ...rest] = wordsOf(text);
    const current = this.#providers.at(-1);
    if (current === undefined) throw new Error('no provider');
    switch (word) {
      case '@':
        this.#settings.set(rest[0] ?? '', rest.length > 1 ? rest.slice(1).join(' ') : undefined);
        return;
      case 'provider':
        this.#providers.push(provider(rest[0] ?? '', rest[1] === 'on' ? (rest[2] ?? '') : '127.0.0.1'));
        return;
      case 'offers':
        current.offers = text
          .slice('offers '.length)
          .split(',')
          .map((one) => one.trim());
        return;
      case 'security':
        current.security = oneOf(['starttls', 'tls', 'plain', 'closed'] as const, rest[0]);
        return;
      case 'at':
        if (rest[0] === 'most' || rest[0] === 'least') this.#demands.push({ line, text, ...counting(rest) });
        else current.rules.push(rule(text));
        return;
      case 'send':
        this.#sendings.push(sending(rest));
        return;
      case 'restart':
        this.#restarts.push(duration(rest[1]));
        return;
      case 'run':
        this.#lasts = duration(rest[0]);
        return;
      case 'must':
        this.#demands.push({ line, text, ...demand(rest) });
        return;
      case 'may':
        this.#mayRepeat = true;
        return;
      default:
        throw new Error('this is no line of a habit');
    }
  }

  habit(): Habit {
    if (this.#lasts === 0) throw new Error('"run" is missing');
    return {
      settings: this.#settings,
      providers: this.#providers,
      sendings: this.#sendings,
      restarts: this.#restarts,
      lasts: this.#lasts,
      demands: this.#demands,
      mayRepeat: this.#mayRepeat,
    };
  }
}

function provider(name: string, address: string): Draft {
  return { name, address, security: 'starttls', offers: [...USUAL_OFFERS], rules: [] };
}

/** Words, those in double quotes without them and with their blanks. */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

function oneOf<const T extends string>(all: readonly T[], word: string | undefined): T {
  const found = all.find((one) => one === word);
  if (found === undefined) throw new Error(`"${word}" is none of ${all.join(', ')}`);
  return found;
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `1h+2m`. */
function duration(text: string | undefined): number {
  const parts = (text ?? '').split('+').map((part) => /^(\d+(?:\.\d+)?)([smhd])$/.exec(part));
  return parts.reduce((sum, part) => {
    if (part === null) throw new Error(`"${text}" is no duration`);
    return sum + Number(part[1]) * (UNITS[part[2] ?? ''] ?? 0);
  }, 0);
}

function number(text: string | undefined): number {
  if (!/^\d+$/.test(text ?? '')) throw new Error(`"${text}" is no number`);
  return Number(text);
}

/** `4+`, `1-2`, `3`. */
function countOf(text: string | undefined): Count {
  const match = /^(\d+)(\+|-(\d+))?$/.exec(text ?? '');
  if (match === null) throw new Error(`"${text}" is no count`);
  const least = Number(match[1]);
  return { least, most: match[2] === '+' ? Number.POSITIVE_INFINITY : Number(match[3] ?? least) };
}

function rule(text: string): Rule {
  const colon = text.indexOf(': ');
  if (colon < 0) throw new Error('a rule needs ": "');
  const [, stage, ...words] = wordsOf(text.slice(0, colon));
  return {
    stage: oneOf(STAGES, stage),
    conditions: conditionsOf(words),
    acts: text
      .slice(colon + 2)
      .split(' ; ')
      .map(actOf),
  };
}

function conditionsOf(words: readonly string[]): Condition[] {
  const left = [...words];
  const conditions: Condition[] = [];
  for (let word = left.shift(); word !== undefined; word = left.shift()) conditions.push(conditionOf(word, left));
  return conditions;
}

function conditionOf(word: string, left: string[]): Condition {
  const counted = COUNTED.find((one) => one === word);
  if (counted !== undefined) return { on: counted, count: countOf(left.shift()) };
  switch (word) {
    case 'until':
    case 'from':
    case 'new':
      return { on: word, milliseconds: duration(left.shift()) };
    case 'first':
      return { on: 'first', times: number(left.shift()) };
    case 'taken':
    case 'mails': {
      const count = countOf(left.shift());
      if (left.shift() !== 'in') throw new Error(`"${word} ${count.least} in TIME" is wanted`);
      return { on: word, count, milliseconds: duration(left.shift()) };
    }
    case 'pipelined':
    case 'secure':
    case 'clear':
    case '8bit':
    case 'long':
      return { on: word };
    case 'if':
    case 'unless':
      return { on: word, text: left.shift() ?? '' };
    default:
      throw new Error(`"${word}" is no condition`);
  }
}

function actOf(text: string): Act {
  const word = text.trim();
  if (/^\d{3}[ -]/.test(word)) return { act: 'reply', lines: word.split(' | ') };
  const wait = /^wait (\S+)$/.exec(word);
  if (wait !== null) return { act: 'wait', milliseconds: duration(wait[1]) };
  return { act: oneOf(['ok', 'close', 'reset', 'silence', 'drop'] as const, word) };
}

function sending(words: readonly string[]): Sending {
  const [count, ...rest] = words;
  const has = new Set<'8bit' | 'utf8'>();
  const values = { at: 0, every: 0, from: 'cam@example.org', to: 'you@example.net', octets: 0 };
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === 'at' || word === 'every') values[word] = duration(rest.shift());
    else if (word === 'to' || word === 'from') values[word] = rest.shift() ?? '';
    else if (word === 'size') values.octets = number(rest.shift());
    else has.add(oneOf(['8bit', 'utf8'] as const, word));
  }
  return { count: number(count), ...values, has };
}

function alertsOf(text: string | undefined): 'all' | ReadonlySet<number> {
  if (text === 'all') return 'all';
  const numbers = (text ?? '').split(',').flatMap((part) => {
    const { least, most } = countOf(part);
    return Array.from({ length: most - least + 1 }, (_, at) => least + at);
  });
  return new Set(numbers);
}

type Demanded = Demand extends infer D ? (D extends Demand ? Omit<D, 'line' | 'text'> : never) : never;

function demand(words: readonly string[]): Demanded {
  const not = words[0] === 'not';
  const [what, ...rest] = not ? words.slice(1) : words;
  switch (what) {
    case 'say':
    case 'hear':
      return { must: what, not, words: rest };
    case 'show':
      if (rest.at(-2) !== 'at') throw new Error('"must show WORDS at TIME" is wanted');
      return { must: 'show', not, words: rest.slice(0, -2), at: duration(rest.at(-1)) };
    case 'deliver':
    case 'bounce':
    case 'wait':
    case 'strand':
    case 'refuse':
    case 'notify':
      return { must: what, alerts: alertsOf(rest[0]), ...options(rest.slice(1)) };
    default:
      throw new Error(`"${what}" is nothing that can be demanded`);
  }
}

/** `most 3 passwords in 1m to NAME after 10m`, or `least`. */
function counting(words: readonly string[]): Demanded {
  const [bound, limit, of, , time, ...rest] = words;
  const { to, after } = options(rest);
  const count = bound === 'most' ? { least: 0, most: number(limit) } : { least: number(limit), most: Number.POSITIVE_INFINITY };
  return {
    must: 'count',
    count,
    of: oneOf(['connections', 'passwords', 'mails'] as const, of),
    within: duration(time),
    ...(to === undefined ? {} : { to }),
    ...(after === undefined ? {} : { after }),
  };
}

function options(words: readonly string[]): { by?: number; after?: number; via?: string; to?: string } {
  const found: { by?: number; after?: number; via?: string; to?: string } = {};
  for (let at = 0; at < words.length; at += 2) {
    const name = oneOf(['by', 'after', 'via', 'to'] as const, words[at]);
    if (name === 'by' || name === 'after') found[name] = duration(words[at + 1]);
    else found[name] = words[at + 1] ?? '';
  }
  return found;
}
