// Dates in header fields (RFC 5322, section 3.3, with the obsolete forms of 4.3), both ways. Some providers refuse a
// message whose Date is no such date.

import type { WallTime } from '../system/clock.ts';
import { outline } from './tokens.ts';

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

// Obsolete: years of two and three digits, zones with names. Not in the RFC, but read by every program: hours of one
// digit, and no zone.
const DATE =
  /^(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ?, ?)?(\d{1,2}) ([A-Z]{3}) (\d{2,4}) (\d{1,2}) ?: ?(\d{1,2})(?: ?: ?(\d{1,2}))?(?: ?([+-]\d{4}|[A-Z]{1,5}))?$/i;
// Longer than any date without its comments.
const LONGEST_DATE = 80;

/** The moment in UTC, as a field has it: `Tue, 24 Nov 2026 18:44:13 +0000`. */
export function formatDate(time: WallTime): string {
  return new Date(time).toUTCString().replace(/GMT$/, '+0000');
}

/**
 * The moment that `value` (a field's body) names, in ms since 1970; undefined when it can't be read. A zone that
 * has a name counts as UTC.
 */
export function readDate(value: string): number | undefined {
  const plain = outline(value);
  const match = plain.length > LONGEST_DATE ? null : DATE.exec(plain);
  if (match === null) return undefined;
  const [, day = '', month = '', year = '', hour = '', minute = '', second = '0', zone = ''] = match;
  if (!MONTHS.includes(month.toLowerCase()) || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  const midnight = Date.UTC(fullYear(year), MONTHS.indexOf(month.toLowerCase()), Number(day));
  if (new Date(midnight).getUTCDate() !== Number(day)) return undefined;
  return midnight + (Number(hour) * 60 + Number(minute) - minutesEast(zone)) * 60_000 + Number(second) * 1_000;
}

/** RFC 5322, section 4.3: two digits below 50 are of this century, all others of the last; three count from 1900. */
function fullYear(year: string): number {
  if (year.length === 4) return Number(year);
  return Number(year) + (year.length === 2 && Number(year) < 50 ? 2000 : 1900);
}

function minutesEast(zone: string): number {
  if (!/\d/.test(zone)) return 0;
  const minutes = 60 * Number(zone.slice(1, 3)) + Number(zone.slice(3));
  return zone.startsWith('-') ? -minutes : minutes;
}
