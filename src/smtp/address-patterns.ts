// Patterns of addresses in ALLOW_SENDERS and ALLOW_RECIPIENTS: `a@b`, `@domain`, with `*` for anything. Upper and lower
// case are the same, also in local parts: a pattern that is meant for an address must not miss it.
//
// Matched without a regular expression, which could take very long for a pattern with many stars.

/**
 * A function that says whether an address (`local@domain`) fits any of `patterns`; all addresses do when that is
 * undefined.
 */
export function matcher(patterns: readonly string[] | undefined): (address: string) => boolean {
  if (patterns === undefined) return () => true;
  const split = patterns.map((pattern) => (pattern.startsWith('@') ? `*${pattern}` : pattern).toLowerCase().split('*'));
  return (address) => {
    const text = address.toLowerCase();
    return split.some((pieces) => fits(text, pieces));
  };
}

/**
 * Whether `text` is `pieces` with anything between them. Each piece is taken where it first occurs, which is right
 * since anything may follow; so each character of the text is looked at once for each piece.
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
