import { constantBytes, writeConstants } from './constants';

/** Bytes for the panels of a product. */
export const panelBytes: usize = 1 << 20;

/** Where kernels of this thread keep panels: {@link panelBytes} bytes. */
export let scratch: usize = 0;
/** Where `At` has its numbers. */
export let constants: usize = 0;

export function scratchBytes(): usize {
  return panelBytes + constantBytes;
}

/** @param address of {@link scratchBytes} bytes, which are this thread's */
export function setScratch(address: usize): void {
  scratch = address;
  constants = address + panelBytes;
  writeConstants(constants);
}
