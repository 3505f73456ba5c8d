// What was learned of one upstream from the way it fails: extensions that it offers and that do not work, mechanisms of
// login that it does not know, and whether it takes one connection at a time. Each is remembered for thirty days of
// running time, across restarts (habits-file.ts), and then tried again. What a reply means is not decided here
// (verdict.ts).

import type { Attempt, MessageFailure, Stage } from '../vocabulary/attempt.ts';
import type { Capabilities } from './capabilities.ts';

/** The extensions that can be done without. */
export const EXTENSIONS = ['CHUNKING', 'PIPELINING', '8BITMIME', 'SMTPUTF8', 'DSN', 'SIZE'] as const;
/** One of them, by its keyword. */
export type Extension = (typeof EXTENSIONS)[number];

/** Something that was learned, as the file has it. */
type Habit = Extension | 'one-connection' | `AUTH ${string}`;

/** When each habit was learned, in ms of running time. */
export type LearnedHabits = Readonly<Record<string, number>>;

/** Where habits are kept, and how they are reported. */
export type HabitsParts = {
  /** As of the last run. */
  readonly before: LearnedHabits;
  /** The running time of the relay, all runs together, in ms. */
  readonly running: () => number;
  /** Called with all habits when they have changed. */
  readonly keep: (learned: LearnedHabits) => void;
  /** Called once for each habit with a sentence that says what the relay does from now on. */
  readonly say: (sentence: string) => void;
};

/** For a connection that is made once, such as that of `check --connect`: nothing is known, and nothing kept. */
export const FORGETFUL: HabitsParts = { before: {}, running: () => 0, keep: () => {}, say: () => {} };

const EXPIRES_AFTER = 30 * 24 * 3_600_000;
// Two losses of a connection at the same place are no accident of the network.
const LOSSES = 2;

/** What is known of one upstream. */
export class Habits {
  readonly #parts: HabitsParts;
  readonly #learned: Map<string, number>;
  /**
   * Mechanisms that failed since a login worked last: what they say of the server is only known once another one works.
   */
  readonly #failing = new Set<string>();
  /** How often the connection was lost at a place in a row. */
  readonly #losses = new Map<string, number>();

  constructor(parts: HabitsParts) {
    this.#parts = parts;
    this.#learned = new Map(Object.entries(parts.before));
  }

  /** Whether the upstream takes one connection at a time. */
  get isSingle(): boolean {
    return this.#knows('one-connection');
  }

  /** The upstream takes one connection at a time, as it says. */
  learnSingle(): void {
    this.#learn('one-connection', 'it takes few connections at once: from now on there is one at a time');
  }

  /** What is offered, without what does not work. */
  restrict(offered: Capabilities): Capabilities {
    const chunking = offered.chunking && !this.#knows('CHUNKING');
    return {
      ...offered,
      chunking,
      binaryMime: offered.binaryMime && chunking,
      pipelining: offered.pipelining && !this.#knows('PIPELINING'),
      eightBitMime: offered.eightBitMime && !this.#knows('8BITMIME'),
      smtpUtf8: offered.smtpUtf8 && !this.#knows('SMTPUTF8'),
      dsn: offered.dsn && !this.#knows('DSN'),
      size: offered.size && !this.#knows('SIZE'),
    };
  }

  /** The extension is done without from now on; `why`: a clause. */
  giveUp(extension: Extension, why: string): void {
    this.#learn(extension, `it offers ${extension}, but ${why}: from now on the relay does without`);
  }

  /** Takes note of what became of an attempt in which these extensions were in use. */
  observe(attempt: Attempt, inUse: ReadonlySet<Extension>): void {
    if (attempt.result === 'answered') return this.#losses.clear();
    const place = placeOf(attempt.failure.stage);
    if (place === undefined || !isLoss(attempt)) return;
    const suspect = SUSPECTS[place].find((extension) => inUse.has(extension));
    if (suspect === undefined) return;
    const count = (this.#losses.get(suspect) ?? 0) + 1;
    this.#losses.set(suspect, count);
    if (count < LOSSES) return;
    this.#losses.clear();
    this.giveUp(suspect, `the connection was lost ${LOSSES} times ${place === 'envelope' ? 'at the envelope' : 'in the message'} with it`);
  }

  /** The mechanisms in the order in which to try them: those that failed stand last. */
  inOrder<M extends { readonly name: string }>(mechanisms: readonly M[]): readonly M[] {
    const isBad = ({ name }: M) => this.#failing.has(name) || this.#knows(`AUTH ${name}`);
    return [...mechanisms.filter((one) => !isBad(one)), ...mechanisms.filter(isBad)];
  }

  /** The mechanism is not known to the server, or a login by it was refused. */
  mechanismFailed(name: string): void {
    // When all have failed, the password is as likely to be wrong: each gets its turn again.
    if (this.#failing.has(name)) this.#failing.clear();
    this.#failing.add(name);
  }

  /** A login by this mechanism worked: those that failed before it are broken. */
  mechanismWorked(name: string): void {
    if (this.#learned.delete(`AUTH ${name}`)) this.#keep();
    this.#failing.delete(name);
    for (const other of this.#failing)
      this.#learn(`AUTH ${other}`, `it offers AUTH ${other}, which failed where ${name} works: from now on the relay logs in by ${name}`);
    this.#failing.clear();
  }

  #knows(habit: Habit): boolean {
    const at = this.#learned.get(habit);
    return at !== undefined && this.#parts.running() - at < EXPIRES_AFTER;
  }

  #learn(habit: Habit, sentence: string): void {
    if (this.#knows(habit)) return;
    this.#learned.set(habit, this.#parts.running());
    this.#keep();
    this.#parts.say(sentence);
  }

  #keep(): void {
    const oldest = this.#parts.running() - EXPIRES_AFTER;
    for (const [habit, at] of this.#learned) if (at <= oldest) this.#learned.delete(habit);
    this.#parts.keep(Object.fromEntries(this.#learned));
  }
}

/** The words in a refusal that name an extension, or one of its parameters. */
const NAMES: Readonly<Record<Extension, RegExp>> = {
  CHUNKING: /BDAT|CHUNKING/i,
  PIPELINING: /pipelining/i,
  '8BITMIME': /BODY|8 ?BIT/i,
  SMTPUTF8: /UTF-?8/i,
  DSN: /NOTIFY|ORCPT|RET=|ENVID|DSN/i,
  SIZE: /SIZE/i,
};

/** The extensions whose parameters stand at a command, the likeliest to be refused first. */
const PARAMETERS: Readonly<Partial<Record<Stage, readonly Extension[]>>> = {
  mail: ['DSN', 'SMTPUTF8', '8BITMIME', 'SIZE'],
  rcpt: ['DSN'],
  data: ['8BITMIME', 'SMTPUTF8'],
  'end-of-data': ['8BITMIME', 'SMTPUTF8'],
};

/** Which of the extensions in use a reply refuses: the one that it names, or else the likeliest; undefined for none. */
export function suspectOf({ stage, reply }: MessageFailure, inUse: ReadonlySet<Extension>): Extension | undefined {
  const text = reply.lines.join(' ');
  const named = EXTENSIONS.find((extension) => inUse.has(extension) && NAMES[extension].test(text));
  return named ?? PARAMETERS[stage]?.find((extension) => inUse.has(extension));
}

type Place = 'envelope' | 'message';

/** What can be to blame for a loss at a place, the likeliest first. */
const SUSPECTS: Readonly<Record<Place, readonly Extension[]>> = {
  envelope: ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'DSN'],
  message: ['CHUNKING', '8BITMIME', 'SMTPUTF8'],
};

function placeOf(stage: Stage): Place | undefined {
  switch (stage) {
    case 'mail':
    case 'rcpt':
    case 'data':
      return 'envelope';
    case 'body':
    case 'end-of-data':
      return 'message';
    default:
      return undefined;
  }
}

/**
 * Whether the connection was lost without a reason; a server that waits for what it has thrown away gives 421 4.4.2.
 */
function isLoss({ failure: { reply } }: Extract<Attempt, { result: 'no-answer' }>): boolean {
  if (reply === undefined) return true;
  return reply.code === 421 && (reply.status === '4.4.2' || /time(?:d )?-?out/i.test(reply.lines.join(' ')));
}
