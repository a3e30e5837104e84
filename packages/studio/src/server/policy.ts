/** What the page may load: its own files and what it makes itself. Nothing can be sent elsewhere. */
const policy: Readonly<Record<string, string>> = {
  'default-src': "'self'",
  'script-src': "'self' 'wasm-unsafe-eval'",
  'img-src': "'self' blob: data:",
  'media-src': "'self' blob:",
  'worker-src': "'self' blob:",
  'connect-src': "'self'",
  'object-src': "'none'",
  'base-uri': "'none'",
  'form-action': "'none'",
};

const written = (directives: Readonly<Record<string, string>>): string =>
  Object.entries(directives)
    .map(([name, sources]) => `${name} ${sources}`)
    .join('; ');

/** The content security policy, as a meta tag has it. */
export const metaPolicy = written(policy);

/** As a header has it, which alone can say who may show the page in a frame. */
export const headerPolicy = written({ ...policy, 'frame-ancestors': "'none'" });
