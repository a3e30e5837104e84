/**
 * Plain JavaScript, so that a worker thread of Node can load it from source and from the build alike.
 *
 * @import { Runner } from './runner.ts'
 */

/**
 * @typedef {object} Call
 * @property {number} id
 * @property {Exclude<keyof Runner, 'threads'> | 'open'} method The first is `open`, answered with the runner's threads.
 * @property {unknown[]} parameters
 */

/** The buffers of arrays at any depth of a result, which go over to the other thread. @param {unknown} value @returns {ArrayBuffer[]} */
const buffers = value => {
  if (ArrayBuffer.isView(value)) return [/** @type {ArrayBuffer} */ (value.buffer)];
  return value && typeof value === 'object' ? Object.values(value).flatMap(buffers) : [];
};

/** An error as another thread can have it: without its class and its cause, which need not be cloneable. @param {unknown} error */
function described(error) {
  if (!(error instanceof Error)) return { error: new Error(String(error)) };
  const { message, stack } = error;
  const code = error.name === 'PeftError' && 'code' in error ? error.code : undefined;
  return { error: Object.assign(new Error(message), { stack }), code };
}

/**
 * A runner behind messages: answers each call with `{ id, result }` or `{ id, error }`.
 *
 * @param {(...options: never[]) => Promise<Runner>} open
 * @param {(reply: unknown, transfer: ArrayBuffer[]) => void} post
 * @returns {(call: Call) => Promise<void>}
 */
export function serveRunner(open, post) {
  /** @type {Promise<Runner> | undefined} */
  let runner;
  return async ({ id, method, parameters }) => {
    const given = /** @type {never[]} */ (parameters);
    try {
      if (method === 'open') runner = open(...given);
      const opened = await runner;
      if (!opened) throw new Error(`Called before it was opened: ${method}.`);
      const run =
        method === 'open' ? () => opened.threads : /** @type {(...given: never[]) => unknown} */ (opened[method]);
      const result = await run.apply(opened, given);
      post({ id, result }, buffers(result));
    } catch (error) {
      post({ id, ...described(error) }, []);
    }
  };
}
