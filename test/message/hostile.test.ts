// Header sections that are made to keep the relay busy: each field that it reads, filled with each thing that could
// cost more than its octets, in one long field, in several, and in as many as are allowed. A board has one slow core
// for all devices, so that what one message costs is bounded, and grows with its octets and no faster.

import { expect, test } from 'vitest';
import { HeaderGatherer, LARGEST_HEADER_SECTION, MOST_FIELDS } from '../../src/message/header.ts';
import { prepareFields } from '../../src/message/prepare.ts';
import { isLooping } from '../../src/message/trace.ts';
import type { WallTime } from '../../src/system/clock.ts';
import type { Rewriting } from '../../src/vocabulary/rewriting.ts';

const ADDRESS = { localPart: 'a', domain: 'b.example' };
const CONTEXT = {
  hostname: 'gate.example',
  id: 'ID1',
  time: Date.UTC(2026, 10, 24, 12) as WallTime,
  envelope: { reversePath: ADDRESS, recipients: [{ forwardPath: ADDRESS }], parameters: {} },
} as const;
const REWRITINGS: readonly Rewriting[] = [
  { sender: undefined, recipient: undefined, defaultDomain: undefined },
  { sender: ADDRESS, recipient: undefined, defaultDomain: 'example.org' },
];

// Fields of each kind that is treated in its own way; the others share the code of one of them.
const NAMES = ['From', 'To', 'Reply-To', 'Date', 'Message-ID', 'Subject', 'Received'];

// One character an octet: \xfc is not UTF-8, \xc3\xbc is.
const FILLINGS = [
  ...['a,', 'a:', 'a;', '@', 'a@b,', '<', '<a>,', '<@a:', 'g:\xfc;'], // lists, routes, groups
  ...['"', '"\\', '"a" ', '"\xfc" <a>,', '[', 'a@['], // quoted strings, literals
  ...['(', '()', '\xfc(', 'a(\xfc),', '(\xfc)('], // comments
  ...['=?', '=?a?Q?', '=?a?Q?b?= ', '=?a?B?\xfc'], // encoded words
  ...['\xfc', '\xfc,', '\xfc <a>,', '\x80', '\xc3\xbc ', '\xe6\x97\xa5', '\x00\xfc '], // text
  ...[' ', '\r\n ', 'a,\r\n ', '\xfc,\r\n ', 'a@b (\xfc),\r\n ', '1 ', '1:'], // folds, dates
];

const SHAPES = [1, 20, MOST_FIELDS];

/** A header section of about so many octets, in `count` fields or as many as fit into it. */
function section(name: string, filling: string, count: number, octets: number): Buffer {
  const room = Math.max(1, Math.floor((octets / count - name.length - 4) / filling.length));
  const field = `${name}: ${filling.repeat(room)}\r\n`;
  return Buffer.from(field.repeat(Math.min(count, Math.floor(octets / field.length))), 'latin1');
}

/** Milliseconds of the processor for all that is done with a header section: the least of some tries. */
function cost(octets: Buffer, rewriting: Rewriting, willDo: (milliseconds: number) => boolean): number {
  let least = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 4 && !willDo(least); tries++) {
    const began = process.cpuUsage();
    const gatherer = new HeaderGatherer();
    const gathered = gatherer.add(octets) ?? gatherer.finish();
    if (typeof gathered === 'string') throw new Error(gathered);
    isLooping(gathered, 'x');
    prepareFields(gathered.fields, rewriting, CONTEXT);
    const { user, system } = process.cpuUsage(began);
    least = Math.min(least, (user + system) / 1_000);
  }
  return least;
}

const LARGEST = LARGEST_HEADER_SECTION - 400;
// Milliseconds for the largest section.
const MOST = 150;
// A section of a quarter of the size takes a quarter of the time; a sixteenth, where the work is quadratic.
const MOST_GROWTH = 9;
// What takes less is not compared, since small times vary.
const WORTH_COMPARING = 20;

test.each(NAMES)('%s: any filling costs little, and no more than its octets', { timeout: 120_000 }, (name) => {
  const slow: string[] = [];
  for (const filling of FILLINGS)
    for (const count of SHAPES)
      for (const rewriting of REWRITINGS) {
        const whole = cost(section(name, filling, count, LARGEST), rewriting, (one) => one < WORTH_COMPARING);
        const what = () => `${count} fields of ${JSON.stringify(filling)}${rewriting.sender === undefined ? '' : ', rewritten'}`;
        if (whole > MOST) slow.push(`${what()}: ${whole.toFixed()} ms`);
        if (whole < WORTH_COMPARING) continue;
        const quarter = cost(section(name, filling, count, LARGEST / 4), rewriting, () => false);
        if (whole > MOST_GROWTH * quarter) slow.push(`${what()}: from ${quarter.toFixed()} to ${whole.toFixed()} ms`);
      }
  expect(slow).toEqual([]);
});
