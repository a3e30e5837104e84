/** @import { KernelExports } from './module.ts' */

/**
 * The compiled kernels in `memory`, in this thread.
 *
 * @param {WebAssembly.Module} module
 * @param {WebAssembly.Memory} memory
 * @returns {Promise<KernelExports>}
 */
export async function instantiate(module, memory) {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory }, 'cross-entropy': { log: Math.log } });
  return /** @type {KernelExports} */ (/** @type {unknown} */ (exports));
}
