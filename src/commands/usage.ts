// One way to use a command, in words: what the table of commands is made of.

/** One way to use a command. */
export type Usage = {
  /** What is typed behind the command's name. */
  readonly words: string;
  /** One line of Markdown that begins in lower case. */
  readonly summary: string;
  /** Sentences in Markdown for those who want to know more. */
  readonly details?: string;
  /** `words` as somebody might type them, where they need an example. */
  readonly example?: string;
  /** The command's name may be left out. */
  readonly isDefault?: true;
};

/** What is typed, such as `gatepost check [--connect]`. */
export function synopsis(name: string, { words, isDefault }: Usage): string {
  const command = `gatepost ${isDefault === true ? `[${name}]` : name}`;
  return words === '' ? command : `${command} ${words}`;
}
