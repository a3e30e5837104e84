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

/** The Hub, and where it keeps large files. */
const hubHosts = 'https://huggingface.co https://*.huggingface.co https://*.hf.co';

const written = (directives: Readonly<Record<string, string>>): string =>
  Object.entries(directives)
    .map(([name, sources]) => `${name} ${sources}`)
    .join('; ');

/** The content security policy of the page, as a meta tag has it. */
export const metaPolicy = written(policy);

/** Whether a file of the page is the worker that downloads models: it alone may ask the Hub. */
export const isHubWorker = (path: string): boolean => /\/hub\.worker-[\w-]+\.js$/.test(path);

/**
 * The policy of a file, as a header has it, which alone can say who may show the page in a frame. A worker goes by its own.
 *
 * @param mirror the address of a Hub that may be asked too
 */
export function policyOf(path: string, mirror?: string): string {
  const framed = { ...policy, 'frame-ancestors': "'none'" };
  if (!isHubWorker(path)) return written(framed);
  const hosts = mirror === undefined ? hubHosts : `${hubHosts} ${new URL(mirror).origin}`;
  return written({ ...framed, 'connect-src': `'self' ${hosts}` });
}
