// `gatepost help`: all commands, a line or two each.

import { overview } from './help-text.ts';

/** Prints the list. */
export async function run(): Promise<void> {
  process.stdout.write(`gatepost: takes plain SMTP from devices, forwards it over authenticated TLS

${overview()}
The configuration is the environment: GATEPOST_UPSTREAM is required,
  GATEPOST_UPSTREAM=smtp://user:password@smtp.example.org gatepost
`);
}
