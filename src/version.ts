// Version, commit and date of the build; esbuild puts the values in.

declare const GATEPOST_VERSION: string | undefined;
declare const GATEPOST_COMMIT: string | undefined;
declare const GATEPOST_BUILT: number | undefined;

/** From package.json; `development` when run from source. */
export const VERSION = typeof GATEPOST_VERSION === 'string' ? GATEPOST_VERSION : 'development';
/** When the commit was made, in ms since 1970; a clock that is right shows no less. */
export const BUILT = typeof GATEPOST_BUILT === 'number' ? GATEPOST_BUILT : 0;
/** The first digits of the commit's hash; `unknown` when run from source. */
export const COMMIT = typeof GATEPOST_COMMIT === 'string' ? GATEPOST_COMMIT : 'unknown';
