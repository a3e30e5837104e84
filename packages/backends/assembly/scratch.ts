/** Where kernels of this thread keep panels: `scratchBytes()` bytes. */
export let scratch: usize = 0;

export function setScratch(address: usize): void {
  scratch = address;
}
