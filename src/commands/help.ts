// `gatepost help`.

export async function run(): Promise<void> {
  process.stdout.write(HELP);
}

export const HELP = `gatepost: takes plain SMTP from devices, forwards it over authenticated TLS

  gatepost [run]            the relay
  gatepost check [--connect]
                            the configuration, explained; with --connect each upstream tried up to the login
  gatepost send-test ADDRESS
                            sends a message to ADDRESS, step by step
  gatepost config [--json]  every variable with its default and meaning
  gatepost hash-password    a password from standard input as a hash for GATEPOST_DEVICE_USERS
  gatepost status [--watch | --json]
                            what the running relay is doing
  gatepost queue [list] [--json]
                            what waits; show ID [--json] for one, with its header section
  gatepost queue retry [ID...] | drop ID... | hold | release
                            tries now; gives up; stops and goes on delivering
  gatepost spool verify [DIR... | -]
                            reads spools at rest, changes nothing, prints a JSON line a folder
  gatepost version
  gatepost help

The configuration is the environment: GATEPOST_UPSTREAM is required,
  GATEPOST_UPSTREAM=smtp://user:password@smtp.example.org gatepost
`;
