import { check, PeftError } from '@peft/core';

/** Whether threads can share memory: always in Node; in a browser if the page is cross-origin isolated. */
export const canShareMemory = (): boolean =>
  typeof SharedArrayBuffer === 'function' && globalThis.crossOriginIsolated !== false;

export const isShared = ({ buffer }: WebAssembly.Memory): boolean =>
  typeof SharedArrayBuffer === 'function' && buffer instanceof SharedArrayBuffer;

/** Sections and flags of the binary format (WebAssembly core specification, 5.5). */
const section = { import: 2, memory: 5 };
const kind = { function: 0, table: 1, memory: 2, global: 3 };
const limits = { hasMaximum: 1, shared: 2 };

/**
 * Copies a valid module and marks its memory, its own or imported, as shared. Instructions for plain memory work on shared
 * memory too, so only one bit changes.
 *
 * @throws PeftError `not-supported` if it has no memory with a maximum, as shared memory must have
 */
export function withSharedMemory(module: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from(module);
  let at = 8; // after the magic number and the version
  const next = (): number => {
    const byte = bytes[at++];
    check(byte !== undefined, 'bad-file', () => 'This WebAssembly module ends early.');
    return byte;
  };
  const number = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = next();
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const skipName = (): void => {
    const length = number();
    at += length;
  };
  const skipLimits = (): void => {
    const flags = number();
    number();
    if (flags & limits.hasMaximum) number();
  };

  /** Where the flags of an imported memory are. */
  const importedMemory = (): number | undefined => {
    for (let left = number(); left > 0; left--) {
      skipName();
      skipName();
      const imported = next();
      if (imported === kind.memory) return at;
      if (imported === kind.function) number();
      else if (imported === kind.global) at += 2;
      else {
        at++;
        skipLimits();
      }
    }
    return undefined;
  };

  while (at < bytes.length) {
    const id = next();
    const size = number();
    const end = at + size;
    const flags = id === section.import ? importedMemory() : id === section.memory && number() ? at : undefined;
    if (flags !== undefined && bytes[flags]! & limits.hasMaximum) {
      bytes[flags]! |= limits.shared;
      return bytes;
    }
    at = end;
  }
  throw new PeftError(
    'not-supported',
    'This WebAssembly module has no memory that could be shared: shared memory must have a maximum.',
  );
}
