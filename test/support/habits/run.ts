// Runs a whole relay, in this process and on a clock that leaps, against the providers of a habit, and says
// what did not come of it as the habit demands.

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../../../src/config/config.ts';
import { ask } from '../../../src/ops/control/client.ts';
import { createLog } from '../../../src/ops/log.ts';
import { formatQueued } from '../../../src/ops/queue.ts';
import { formatStatus } from '../../../src/ops/status.ts';
import { startRelay } from '../../../src/relay/start.ts';
import type { RelayEvents } from '../../../src/vocabulary/events.ts';
import { seededRandom } from '../fakes/random.ts';
import { CERTIFICATE } from '../fakes/scripted-upstream.ts';
import { searchForSecrets, secretsIn } from '../secrets.ts';
import { type Counted, type Demand, type Habit, readHabit, type Sending } from './habit.ts';
import { LeapingClock } from './leaping-clock.ts';
import { resolveLocalhostTo } from './names.ts';
import { HabitProvider } from './provider.ts';

/** What became of a run. */
type Report = {
  readonly providers: readonly HabitProvider[];
  /** Lines of the log, each behind its time in seconds. */
  readonly lines: readonly string[];
  /** By their numbers. */
  readonly alerts: ReadonlyMap<number, Alert>;
  readonly shown: ReadonlyMap<number, readonly string[]>;
  readonly faults: readonly string[];
};

/** `reply`: the device's last one; `givenUpAt`: when it was given up, in seconds. */
type Alert = { readonly reply: string; readonly id: string | undefined; readonly givenUpAt: number | undefined };

/** Runs the habit; what is wrong, in sentences, and how it went, for people who look. */
export async function runHabit(path: string): Promise<{ readonly wrong: readonly string[]; readonly story: readonly string[] }> {
  const habit = readHabit(path);
  const run = new HabitRun(habit);
  const report = await run.live();
  return { wrong: judge(habit, report), story: storyOf(report) };
}

class HabitRun {
  readonly #habit: Habit;
  readonly #clock = new LeapingClock();
  readonly #random = seededRandom(12);
  readonly #lines: string[] = [];
  readonly #faults: string[] = [];
  readonly #replies = new Map<number, string>();
  readonly #givenUp = new Map<string, number>();
  readonly #shown = new Map<number, readonly string[]>();
  #start = 0;

  constructor(habit: Habit) {
    this.#habit = habit;
  }

  async live(): Promise<Report> {
    const folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'gatepost-habit-'));
    const providers = this.#habit.providers.map((script) => new HabitProvider(script, this.#clock));
    let relay: Relay | undefined;
    const undoNames = resolveLocalhostTo(this.#habit.providers.map(({ address }) => address));
    try {
      const environment = await this.#environment(providers, folder);
      relay = await this.#begin(environment);
      this.#start = this.#clock.now();
      for (const one of providers) one.start();
      for (const { at, run } of this.#plan()) {
        await this.#clock.until(this.#start + at);
        relay = await run(relay, environment);
      }
      await this.#clock.until(this.#start + this.#habit.lasts);
      return this.#report(providers);
    } finally {
      if (relay !== undefined) await this.#clock.during(relay.stop());
      for (const one of providers) await one.close();
      undoNames();
      await rm(folder, { recursive: true });
    }
  }

  /** How it stands now. */
  #report(providers: readonly HabitProvider[]): Report {
    const alerts = new Map<number, Alert>();
    for (const [number, reply] of this.#replies) {
      const id = /queued as (\w+)/.exec(reply)?.[1];
      alerts.set(number, { reply, id, givenUpAt: id === undefined ? undefined : this.#givenUp.get(id) });
    }
    return { providers, lines: [...this.#lines], alerts, shown: this.#shown, faults: this.#faults };
  }

  /** The settings, with the addresses of the providers, which listen from now on. */
  async #environment(providers: readonly HabitProvider[], folder: string): Promise<Record<string, string>> {
    const places = new Map<string, string>();
    const ports = new Map<string, number>();
    for (const one of providers) {
      // Of one name with several addresses all have the same port.
      const port = await one.listen(one.script.address === '127.0.0.1' ? 0 : (ports.get('127.0.0.1') ?? 0));
      ports.set(one.script.address, port);
      places.set(one.script.name, `${one.script.address}:${port}`);
      places.set('port', String(ports.get('127.0.0.1') ?? port));
    }
    const environment: Record<string, string> = {
      GATEPOST_UPSTREAM: 'smtp://me%40provider.example:alert-secret@{provider}',
      GATEPOST_UPSTREAM_CA: CERTIFICATE.cert,
      GATEPOST_LISTEN: '127.0.0.1:0',
      GATEPOST_HOSTNAME: 'gate.example.org',
      GATEPOST_BOUNCE_TO: 'owner@example.org',
      GATEPOST_SPOOL_DIR: folder,
      GATEPOST_SPOOL_SIZE: '8MiB',
    };
    for (const [name, value] of this.#habit.settings) {
      if (value === undefined) delete environment[`GATEPOST_${name}`];
      else environment[`GATEPOST_${name}`] = value;
    }
    for (const [name, value] of Object.entries(environment))
      environment[name] = value.replace(/\{([a-z]\w*)\}/g, (whole, place: string) => places.get(place) ?? whole);
    return environment;
  }

  async #begin(environment: Record<string, string>): Promise<Relay> {
    secretsIn(environment);
    const parsed = parseConfig(environment, () => '');
    if ('mistakes' in parsed) throw new Error(parsed.mistakes.join('\n'));
    const log = createLog({ level: 'info', format: 'text' }, this.#clock, (line) => {
      searchForSecrets(line, 'the log');
      this.#lines.push(`${this.#elapsed().toFixed(1)} ${line.replace(/^time=\S+ /, '').trimEnd()}`);
      return true;
    });
    const gaveUp = ({ id }: { readonly id: string }) => void this.#givenUp.set(id, this.#elapsed());
    const watch: Partial<RelayEvents> = {
      bounced: gaveUp,
      expired: gaveUp,
      fault: ({ where, error }) => void this.#faults.push(`${where}: ${String(error)}`),
    };
    return await startRelay(parsed.config, { clock: this.#clock, random: this.#random }, [log, watch]);
  }

  #elapsed(): number {
    return (this.#clock.now() - this.#start) / 1000;
  }

  /** All that is done to the relay, in the order of time. */
  #plan() {
    type Deed = {
      readonly at: number;
      readonly run: (relay: Relay, environment: Record<string, string>) => Promise<Relay>;
    };
    const plan: Deed[] = [];
    let number = 0;
    for (const sending of this.#habit.sendings) {
      for (let count = 0; count < sending.count; count++) {
        number += 1;
        const own = number;
        plan.push({
          at: sending.at + count * sending.every,
          run: async (relay) => {
            await this.#send(relay, own, sending);
            return relay;
          },
        });
      }
    }
    for (const at of this.#habit.restarts) {
      plan.push({
        at,
        run: async (relay, environment) => {
          await this.#clock.during(relay.stop());
          return this.#begin(environment);
        },
      });
    }
    for (const demand of this.#habit.demands) {
      if (demand.must !== 'show') continue;
      plan.push({
        at: demand.at,
        run: async (relay, environment) => {
          this.#shown.set(demand.at, await shownBy(environment));
          return relay;
        },
      });
    }
    return plan.sort((one, other) => one.at - other.at);
  }

  async #send(relay: Relay, number: number, sending: Sending): Promise<void> {
    const reply = await this.#clock.during(sendAlert(portOf(relay), number, sending));
    this.#replies.set(number, reply);
  }
}

type Relay = Awaited<ReturnType<typeof startRelay>>;

const portOf = (relay: Relay) => Number(relay.addresses[0]?.split(':').at(-1));

async function shownBy(environment: Record<string, string>): Promise<readonly string[]> {
  const socket = `${environment['GATEPOST_SPOOL_DIR']}/control.sock`;
  const lines = formatStatus(await ask(socket, 'status', {})).map((line) => `status| ${line}`);
  for await (const one of await ask(socket, 'list', {})) lines.push(...formatQueued(one).map((line) => `queue| ${line}`));
  return lines;
}

/** A device hands over one alert to the relay at this port of loopback; the last reply that it got. */
export async function sendAlert(port: number, number: number, { from, to, octets, has }: Sending): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.setEncoding('latin1');
  const text = `${has.has('8bit') || has.has('utf8') ? 'Bewegung an der Haustür' : 'motion'}\r\n`;
  const filler = `${'x'.repeat(70)}\r\n`.repeat(Math.ceil(Math.max(0, octets - 300) / 72));
  const lines = [
    'EHLO cam',
    `MAIL FROM:<${from}>${has.size > 0 ? ' BODY=8BITMIME' : ''}${has.has('utf8') ? ' SMTPUTF8' : ''}`,
    ...to.split(',').map((one) => `RCPT TO:<${one}>`),
    'DATA',
    `From: <${from}>\r\nTo: <${to}>\r\nSubject: alert ${number}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${text}${filler}.`,
  ];
  try {
    let reply = '';
    for await (const last of repliesOf(socket)) {
      reply = last;
      const next = lines.shift();
      if (next === undefined || /^[45]/.test(reply)) break;
      socket.write(`${next}\r\n`);
    }
    return reply;
  } finally {
    socket.destroy();
  }
}

async function* repliesOf(socket: AsyncIterable<string>): AsyncIterable<string> {
  let heard = '';
  for await (const chunk of socket) {
    heard += chunk;
    for (let reply = firstReply(heard); reply !== undefined; reply = firstReply(heard)) {
      heard = heard.slice(reply.length);
      yield reply.trimEnd();
    }
  }
}

const firstReply = (text: string) => /^(?:\d{3}-[^\r\n]*\r\n)*\d{3} [^\r\n]*\r\n/.exec(text)?.[0];

/** What is not as demanded, in sentences. */
function judge(habit: Habit, report: Report): readonly string[] {
  const wrong = [...report.faults.map((fault) => `a fault: ${fault}`), ...habit.demands.flatMap((one) => complaint(one, report))];
  const promised = new Map(habit.demands.flatMap((one) => ('alerts' in one ? numbersOf(one, report).map((number) => [number, one]) : [])));
  for (const [number, alert] of report.alerts) {
    const times = deliveriesOf(number, report).length;
    if (!promised.has(number)) wrong.push(`the habit does not say what becomes of alert ${number}`);
    if (times > 1 && !habit.mayRepeat) wrong.push(`alert ${number} was delivered ${times} times`);
    if (times > 0 && alert.givenUpAt !== undefined) wrong.push(`alert ${number} was both delivered and given up`);
  }
  return wrong;
}

const numbersOf = ({ alerts }: { readonly alerts: 'all' | ReadonlySet<number> }, report: Report) =>
  alerts === 'all' ? [...report.alerts.keys()] : [...alerts];

function complaint(demand: Demand, report: Report): readonly string[] {
  const because = (what: string) => [`line ${demand.line}, "${demand.text}": ${what}`];
  switch (demand.must) {
    case 'deliver':
    case 'bounce':
    case 'wait':
    case 'strand':
    case 'refuse':
    case 'notify':
      return numbersOf(demand, report).flatMap((number) => {
        const what = whatIsWrongWith(number, demand, report);
        return what === undefined ? [] : because(`alert ${number} ${what}`);
      });
    case 'count': {
      const counted = mostAndLeast(demand, report);
      const { least, most } = demand.count;
      if (counted.most > most) return because(`there were ${counted.most}`);
      return counted.all < least ? because(`there were ${counted.all}`) : [];
    }
    case 'say': {
      const found = report.lines.find((line) => hasAll(line, demand.words));
      return (found === undefined) === demand.not ? [] : because(found === undefined ? 'no line has it' : found);
    }
    case 'hear': {
      const heard = report.providers.flatMap(({ log }) => log.heard).find((line) => hasAll(line, demand.words));
      return (heard === undefined) === demand.not ? [] : because(heard === undefined ? 'it was never heard' : heard);
    }
    case 'show': {
      const shown = report.shown.get(demand.at) ?? [];
      const found = shown.find((line) => hasAll(line, demand.words));
      return (found === undefined) === demand.not ? [] : because(`shown was\n    ${shown.join('\n    ')}`);
    }
    default:
      return demand satisfies never;
  }
}

const hasAll = (line: string, words: readonly string[]) => words.every((word) => line.toLowerCase().includes(word.toLowerCase()));

function deliveriesOf(number: number, { providers }: Report) {
  return providers.flatMap(({ script, log }) =>
    log.taken.filter(({ data }) => subjectOf(data) === `alert ${number}`).map(({ at }) => ({ at, via: script.name })),
  );
}

const subjectOf = (data: string) => /^Subject: (.*?)\r$/m.exec(data)?.[1];

function whatIsWrongWith(
  number: number,
  { must, by = Number.POSITIVE_INFINITY, after = 0, via }: Extract<Demand, { readonly alerts: unknown }>,
  report: Report,
): string | undefined {
  const alert = report.alerts.get(number);
  if (alert === undefined) return 'was never sent';
  if (must === 'refuse') return alert.id === undefined ? undefined : 'was taken';
  if (alert.id === undefined) return `was refused to the device: ${alert.reply}`;
  const [delivery] = deliveriesOf(number, report);
  const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(0)} s`;
  switch (must) {
    case 'deliver':
      if (delivery === undefined) return alert.givenUpAt === undefined ? 'waits' : `was given up after ${alert.givenUpAt.toFixed(0)} s`;
      if (delivery.at > by || delivery.at < after) return `was delivered after ${seconds(delivery.at)}`;
      return via === undefined || delivery.via === via ? undefined : `went by ${delivery.via}`;
    case 'bounce':
      if (alert.givenUpAt === undefined) return delivery === undefined ? 'waits' : 'was delivered';
      return alert.givenUpAt * 1000 <= by ? undefined : `was given up after ${alert.givenUpAt.toFixed(0)} s`;
    case 'wait':
      if (delivery !== undefined) return `was delivered after ${seconds(delivery.at)}`;
      return alert.givenUpAt === undefined ? undefined : `was given up after ${alert.givenUpAt.toFixed(0)} s`;
    case 'strand':
      return delivery === undefined ? undefined : `was delivered after ${seconds(delivery.at)}`;
    case 'notify': {
      const told = report.providers
        .flatMap(({ log }) => log.taken)
        .find(({ data }) => data.includes('report-type=delivery-status') && data.includes(`\r\nSubject: alert ${number}\r\n`));
      if (told === undefined) return 'was lost without a notification';
      return told.at <= by ? undefined : `was told of after ${seconds(told.at)}`;
    }
    default:
      return must satisfies never;
  }
}

/** The most within any window of that time, and all. */
function mostAndLeast(
  { of, within, to, after = 0 }: Extract<Demand, { readonly must: 'count' }>,
  { providers }: Report,
): { readonly most: number; readonly all: number } {
  const times = timesOf(of, to, providers).filter((at) => at >= after);
  const windows = times.map((from) => times.filter((at) => at >= from && at < from + within).length);
  return { most: Math.max(0, ...windows), all: Math.max(0, ...windows) };
}

function timesOf(of: Counted, to: string | undefined, providers: readonly HabitProvider[]): number[] {
  const meant = providers.filter(({ script }) => to === undefined || script.name === to);
  return meant.flatMap(({ log }) => log.times[of]).sort((one, other) => one - other);
}

function storyOf({ lines, alerts, providers }: Report): readonly string[] {
  const story = [...lines];
  for (const [number, { reply, givenUpAt }] of alerts)
    story.push(`alert ${number}: ${reply} ${givenUpAt === undefined ? '' : `given up at ${givenUpAt}`}`);
  for (const { script, log } of providers) {
    story.push(
      `${script.name}: ${log.times.connections.length} connections, ${log.times.passwords.length} passwords, ${log.times.mails.length} mails`,
    );
    for (const { at, from, data } of log.taken) story.push(`  ${(at / 1000).toFixed(1)} took <${from}> ${subjectOf(data)}`);
  }
  return story;
}
