// What the tests use of oidc-provider, which has no types of its own.
declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http';

  // biome-ignore lint/style/noDefaultExport: that is how it exports
  export default class Provider {
    constructor(issuer: string, configuration: object);
    callback(): RequestListener;
    on(event: string, listener: (...args: readonly unknown[]) => void): this;
    readonly AccessToken: { find(value: string): Promise<{ readonly accountId: string; readonly isValid: boolean } | undefined> };
  }
}
