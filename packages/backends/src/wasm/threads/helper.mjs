/** A thread of a team, in Node and in browsers. @import { Kernel, Work } from './work.mjs' */
import { instantiate } from '../instantiate.mjs';
import { serve } from './work.mjs';

/**
 * @typedef {object} Start
 * @property {WebAssembly.Module} module
 * @property {WebAssembly.Memory} memory
 * @property {number} scratch
 * @property {Work} work
 */

/** Answers once: with nothing when it has started, else with the error. @param {Start} start @param {(failure?: string) => void} answer */
async function help({ module, memory, scratch, work }, answer) {
  /** @type {Kernel[]} */
  let kernels;
  try {
    const exports = await instantiate(module, memory);
    exports.setScratch(scratch);
    kernels = Object.values(exports);
  } catch (error) {
    answer(String(error));
    return;
  }
  answer();
  serve(work, kernels);
}

const port = globalThis.process?.getBuiltinModule?.('node:worker_threads').parentPort;
if (port) port.once('message', start => help(start, failure => port.postMessage(failure)));
else globalThis.addEventListener('message', ({ data }) => help(data, failure => postMessage(failure)), { once: true });
