// Postfix as an upstream: its own configuration, queue and mail folder, on a free port of loopback, with
// STARTTLS required and SASL AUTH against its own password file. Ended by its process id.

import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { selfSigned } from '../../../scripts/lib/certificate.ts';
import { freePort, isListening } from '../../../scripts/lib/ports.ts';
import { searchPath } from '../../../scripts/lib/run.ts';
import { temporaryFolder } from '../folders.ts';
import { type MailFolder, mailFolder } from './mail-folder.ts';

/** The server, its mail, and the account that it lets in. */
export type Postfix = MailFolder & {
  readonly port: number;
  readonly caFile: string;
  readonly certificate: string;
  readonly username: string;
  readonly password: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  log(): string;
};

const idOf = (user: string) => Number(execFileSync('id', ['-u', user], { encoding: 'utf8' }));
const groupOf = (group: string) => Number(execFileSync('getent', ['group', group], { encoding: 'utf8' }).split(':')[2]);

/** Writes its configuration into `folder`, with `settings` over main.cf; it runs after `start()`. */
export async function preparePostfix(
  settings: Readonly<Record<string, string>> = {},
  folder = temporaryFolder(),
  mechanisms = 'PLAIN LOGIN',
): Promise<Postfix> {
  chmodSync(folder, 0o755);
  const port = await freePort();
  const inFolder = (name: string) => join(folder, name);
  for (const name of ['etc', 'etc/sasl', 'queue', 'data', 'mail', 'sasl']) mkdirSync(inFolder(name), { mode: 0o755 });
  chownSync(inFolder('data'), idOf('postfix'), groupOf('postfix'));
  chownSync(inFolder('mail'), idOf('postfix'), groupOf('postfix'));
  const certificate = selfSigned();
  writeFileSync(inFolder('etc/cert.pem'), certificate.cert);
  writeFileSync(inFolder('etc/key.pem'), certificate.key, { mode: 0o600 });

  const username = 'alerts@example.org';
  const password = 'pass word:1';
  execFileSync('saslpasswd2', ['-c', '-p', '-f', inFolder('sasl/sasldb2'), '-u', 'example.org', 'alerts'], { input: password });
  chownSync(inFolder('sasl/sasldb2'), idOf('postfix'), groupOf('postfix'));
  // Debian's Postfix looks for SASL configurations in its configuration folder, whatever cyrus_sasl_config_path says.
  writeFileSync(
    inFolder('etc/sasl/smtpd.conf'),
    `pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: ${inFolder('sasl/sasldb2')}\nmech_list: ${mechanisms}\n`,
  );

  const main: Record<string, string> = {
    compatibility_level: '3.6',
    queue_directory: inFolder('queue'),
    data_directory: inFolder('data'),
    maillog_file: inFolder('maillog'),
    maillog_file_prefixes: folder,
    myhostname: 'mx.example.org',
    mydestination: '',
    mynetworks: '127.0.0.255/32',
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    smtpd_tls_security_level: 'encrypt',
    smtpd_tls_cert_file: inFolder('etc/cert.pem'),
    smtpd_tls_key_file: inFolder('etc/key.pem'),
    smtpd_sasl_auth_enable: 'yes',
    smtpd_sasl_path: 'smtpd',
    smtpd_tls_auth_only: 'yes',
    smtpd_relay_restrictions: 'permit_sasl_authenticated, reject',
    virtual_mailbox_domains: 'example.org',
    virtual_mailbox_base: inFolder('mail'),
    virtual_mailbox_maps: 'static:box/',
    virtual_uid_maps: `static:${idOf('postfix')}`,
    virtual_gid_maps: `static:${groupOf('postfix')}`,
    virtual_minimum_uid: '1',
    message_size_limit: '20000000',
    smtpd_client_connection_rate_limit: '0',
    smtputf8_enable: 'yes',
    alias_maps: '',
    ...settings,
  };
  writeFileSync(
    inFolder('etc/main.cf'),
    Object.entries(main)
      .map(([name, value]) => `${name} = ${value}\n`)
      .join(''),
  );
  const line = (name: string, type: string, isPrivate: string, limit: string, command: string) =>
    `${name} ${type} ${isPrivate} - n - ${limit} ${command}\n`;
  writeFileSync(
    inFolder('etc/master.cf'),
    line(`127.0.0.1:${port}`, 'inet', 'n', '-', 'smtpd') +
      line('pickup', 'unix', 'n', '1', 'pickup') +
      line('cleanup', 'unix', 'n', '0', 'cleanup') +
      line('qmgr', 'unix', 'n', '1', 'qmgr') +
      line('tlsmgr', 'unix', '-', '1', 'tlsmgr') +
      line('rewrite', 'unix', '-', '-', 'trivial-rewrite') +
      line('bounce', 'unix', '-', '0', 'bounce') +
      line('defer', 'unix', '-', '0', 'bounce') +
      line('trace', 'unix', '-', '0', 'bounce') +
      line('proxymap', 'unix', '-', '-', 'proxymap') +
      line('anvil', 'unix', '-', '1', 'anvil') +
      line('scache', 'unix', '-', '1', 'scache') +
      'virtual unix - n n - - virtual\n' +
      line('error', 'unix', '-', '-', 'error') +
      line('retry', 'unix', '-', '-', 'error') +
      line('smtp', 'unix', '-', '-', 'smtp') +
      line('postlog', 'unix-dgram', 'n', '1', 'postlogd'),
  );
  const environment = { ...process.env, PATH: searchPath() };
  const postfix = (...argv: string[]) => execFileSync('postfix', ['-c', inFolder('etc'), ...argv], { env: environment, stdio: 'ignore' });
  postfix('set-permissions');
  return {
    port,
    caFile: inFolder('etc/cert.pem'),
    certificate: certificate.cert,
    username,
    password,
    ...mailFolder(inFolder('mail/box')),
    log: () => readFileSync(inFolder('maillog'), 'utf8'),
    async start() {
      // Postfix's own complaint goes to its log; it is worth more than the exit code.
      try {
        postfix('start');
      } catch (error) {
        throw new Error(`Postfix did not start: ${readFileSync(inFolder('maillog'), 'utf8').slice(-500)}`, { cause: error });
      }
      for (let tries = 0; tries < 200 && !(await isListening(port)); tries++) await new Promise((resolve) => setTimeout(resolve, 50));
    },
    async stop() {
      if (await isListening(port)) postfix('abort');
      while (await isListening(port)) await new Promise((resolve) => setTimeout(resolve, 20));
    },
  };
}
