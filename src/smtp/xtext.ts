// xtext (RFC 3461, section 4): how ENVID, ORCPT and AUTH= carry octets that a parameter value may not hold.

/**
 * The decoded text; undefined when `value` is no xtext, or holds other than printable ASCII: a decoded CR or LF
 * could start a header field.
 */
export function decodeXtext(value: string): string | undefined {
  if (!/^(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$/.test(value)) return undefined;
  const text = value.replace(/\+([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return /^[ -~]*$/.test(text) ? text : undefined;
}

/** `text` (printable ASCII) as xtext. */
export function encodeXtext(text: string): string {
  return text.replace(/[^!-*,-<>-~]/g, (character) => `+${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}
