// A trace of system calls (strace -f -y -xx -v), read into what matters to a spool: writes and syncs of
// its files, syncs of its folder, and what was written on sockets. A call counts when it returns.

import { basename, dirname } from 'node:path';
import { MANIFEST } from '../../../src/spool/manifest.ts';

/** One call, after it returned without an error. */
export type TracedCall =
  | { readonly call: 'create'; readonly name: string }
  | { readonly call: 'rename'; readonly from: string; readonly to: string }
  | { readonly call: 'write'; readonly name: string; readonly at: number; readonly octets: Buffer }
  | { readonly call: 'sync'; readonly name: string }
  | { readonly call: 'sync-folder' }
  | { readonly call: 'say'; readonly text: string };

/** The calls that concern the folder or a socket, in the order of their return. */
export function readTrace(trace: string, folder: string): readonly TracedCall[] {
  const unfinished = new Map<string, string>();
  const calls: TracedCall[] = [];
  for (const line of trace.split('\n')) {
    const match = /^(\d+) +(.*)$/.exec(line);
    if (match === null) continue;
    const [, thread = '', text = ''] = match;
    const begun = /^(.*) <unfinished \.\.\.>$/.exec(text);
    if (begun !== null) {
      unfinished.set(thread, begun[1] ?? '');
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text);
    const whole = resumed === null ? text : `${unfinished.get(thread) ?? ''}${resumed[1] ?? ''}`;
    const call = readCall(whole, folder);
    if (call !== undefined) calls.push(call);
  }
  return calls;
}

function readCall(text: string, folder: string): TracedCall | undefined {
  const result = /\)\s+= (-?\d+)(?:<.*>)?$/.exec(text);
  if (result === null || Number(result[1]) < 0) return undefined;
  const created = /^openat\([^,]+, "([^"]*)", [^,)]*O_CREAT/.exec(text);
  if (created !== null) {
    const path = unescaped(created[1] ?? '').toString();
    return isOfSpool(path, folder) ? { call: 'create', name: basename(path) } : undefined;
  }
  const renamed = /^rename\("([^"]*)", "([^"]*)"/.exec(text);
  if (renamed !== null) {
    const [from, to] = [unescaped(renamed[1] ?? '').toString(), unescaped(renamed[2] ?? '').toString()];
    return isOfSpool(from, folder) ? { call: 'rename', from: basename(from), to: basename(to) } : undefined;
  }
  const call = /^(\w+)\(\d+<([^>]*)>(.*)$/s.exec(text);
  if (call === null) return undefined;
  const [, verb = '', shown = '', rest = ''] = call;
  const path = unescaped(shown).toString();
  if (path === folder && verb === 'fsync') return { call: 'sync-folder' };
  if (path.startsWith('socket:') || path.startsWith('TCP'))
    return /^(?:write|writev)$/.test(verb) ? { call: 'say', text: stringsIn(rest).toString('latin1') } : undefined;
  if (!isOfSpool(path, folder)) return undefined;
  const name = basename(path);
  if (verb === 'fdatasync' || verb === 'fsync') return { call: 'sync', name };
  if (verb === 'pwritev' || verb === 'pwrite64' || verb === 'pwritev2') {
    // Last comes the offset; pwritev2 has flags behind it.
    const at = Number((verb === 'pwritev2' ? /, (\d+), \w+\)\s+= \d+$/ : /, (\d+)\)\s+= \d+$/).exec(text)?.[1]);
    if (!Number.isInteger(at)) throw new Error(`no offset in ${text.slice(-100)}`);
    const octets = stringsIn(rest);
    if (octets.length !== Number(result[1])) throw new Error(`a write of ${octets.length} octets returned ${result[1]}`);
    return { call: 'write', name, at, octets };
  }
  return undefined;
}

/** Whether it is a segment or the manifest: the folder holds other things, too. */
const isOfSpool = (path: string, folder: string) =>
  dirname(path) === folder && (path.endsWith('.segment') || basename(path).startsWith(MANIFEST));

const stringsIn = (text: string) =>
  Buffer.concat([...text.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, escaped = '']) => unescaped(escaped)));

/** `\x47\x41` as octets; what is not escaped is itself. */
function unescaped(text: string): Buffer {
  return text.includes('\\x') ? Buffer.from(text.replaceAll('\\x', ''), 'hex') : Buffer.from(text);
}
