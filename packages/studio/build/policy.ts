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

/** The content security policy, as a header or a meta tag has it. */
export const contentPolicy = Object.entries(policy)
  .map(([name, sources]) => `${name} ${sources}`)
  .join('; ');
