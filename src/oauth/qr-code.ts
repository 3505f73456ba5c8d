// A QR code for a terminal, two rows of it in a line. Loaded on demand.

import { renderUnicodeCompact } from 'uqr';

/** The lines of the code, with the quiet zone that readers need around it. */
export function qrCode(text: string): readonly string[] {
  return renderUnicodeCompact(text, { border: 2 }).split('\n');
}
