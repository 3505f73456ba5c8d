// postject has no types of its own.
declare module 'postject' {
  /** Puts `content` into the binary `file` as a resource of that name. */
  export function inject(file: string, name: string, content: Buffer, options: { readonly sentinelFuse: string }): Promise<void>;
}
