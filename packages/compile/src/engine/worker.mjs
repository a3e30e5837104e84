import { parentPort, workerData } from 'node:worker_threads';
import { createOrtRunner } from './ort-runner.mjs';

/**
 * A runner on onnxruntime-node behind messages: `{ id, method, parameters }` in, `{ id, result }` or `{ id, error }` out.
 *
 * @import { Runner } from './runner.ts'
 */

/** @type {Promise<Runner> | undefined} */
let runner;

/** @returns {Promise<Runner>} */
async function open() {
  const ort = await import('onnxruntime-node');
  return createOrtRunner(ort, { session: workerData, preallocate: true });
}

/** The buffers of arrays at any depth of a result, which go over to the other thread. @param {unknown} value @returns {ArrayBuffer[]} */
const buffers = value => {
  if (ArrayBuffer.isView(value)) return [/** @type {ArrayBuffer} */ (value.buffer)];
  return value && typeof value === 'object' ? Object.values(value).flatMap(buffers) : [];
};

parentPort?.on('message', async ({ id, method, parameters }) => {
  try {
    runner ??= open();
    const opened = await runner;
    const result =
      method === 'open'
        ? undefined
        : await opened[/** @type {keyof Runner} */ (method)](.../** @type {[never, never]} */ (parameters));
    parentPort?.postMessage({ id, result }, buffers(result));
  } catch (error) {
    parentPort?.postMessage({ id, error });
  }
});
