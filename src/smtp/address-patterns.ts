// Patterns of addresses in ALLOW_SENDERS and ALLOW_RECIPIENTS: `a@b`, `@domain`, `*` for anything; without case.

/** Whether an address fits any of the patterns; any address does when there are none. */
export function matcher(patterns: readonly string[] | undefined): (address: string) => boolean {
  if (patterns === undefined) return () => true;
  const split = patterns.map((pattern) => (pattern.startsWith('@') ? `*${pattern}` : pattern).toLowerCase().split('*'));
  return (address) => {
    const text = address.toLowerCase();
    return split.some((pieces) => fits(text, pieces));
  };
}

/**
 * Whether `text` is `pieces` with anything in between. Each piece is taken where it first occurs, which
 * is right since what follows may be anything, and looks at each octet of the text once for each piece.
 */
function fits(text: string, pieces: readonly string[]): boolean {
  const [first = '', ...others] = pieces;
  const last = others.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const piece of others) {
    const found = text.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
