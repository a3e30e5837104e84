import { PeftError } from '@peft/core';
import type { DataType, KernelBackend, TensorInfo } from '@tensorflow/tfjs-core';
import { instantiateKernels, type KernelExports } from './module.ts';

/** What is used of the insides of tfjs 4.22's wasm backend. */
interface WasmBackend extends KernelBackend {
  wasm: { asm: { memory: WebAssembly.Memory }; _malloc(bytes: number): number };
  dataIdMap: { get(dataId: object): { memoryOffset: number } };
  makeOutput(shape: number[], dtype: DataType): TensorInfo;
}

/** Our kernels in the memory of a wasm backend, and its tensors as addresses there. */
export interface Heap {
  readonly kernels: KernelExports;
  readonly backend: KernelBackend;
  address(tensor: TensorInfo): number;
  /** A new tensor of undefined content, with one reference, which is the caller's. */
  make(shape: number[], dtype?: DataType): TensorInfo;
  /** The same data in another shape, with one more reference. */
  share(tensor: TensorInfo, shape: number[]): TensorInfo;
  release(tensor: TensorInfo): void;
}

/** The backend, or a `not-supported` error that names what this version of tfjs lacks. */
function checkInternals(backend: KernelBackend): WasmBackend {
  const given = backend as Partial<WasmBackend>;
  const missing = Object.entries({
    'wasm.asm.memory': given.wasm?.asm?.memory,
    'wasm._malloc': given.wasm?._malloc,
    'dataIdMap.get': given.dataIdMap?.get,
    makeOutput: given.makeOutput,
  }).flatMap(([name, value]) => (value === undefined ? [name] : []));
  if (missing.length === 0) return backend as WasmBackend;
  const found = `This wasm backend of TensorFlow.js has no ${missing.join(', ')}`;
  throw new PeftError('not-supported', `${found}; the fast kernels know that of @tensorflow/tfjs-backend-wasm 4.22.`);
}

/** Puts the kernels into the backend's memory. Their working space, a megabyte, is taken once and kept. */
export async function openHeap(given: KernelBackend): Promise<Heap> {
  const backend = checkInternals(given);
  const kernels = await instantiateKernels(backend.wasm.asm.memory);
  const scratch = backend.wasm._malloc(kernels.scratchBytes());
  kernels.setScratch(scratch >>> 0);
  return {
    kernels,
    backend,
    address: tensor => backend.dataIdMap.get(tensor.dataId).memoryOffset,
    make: (shape, dtype = 'float32') => backend.makeOutput(shape, dtype),
    share(tensor, shape) {
      backend.incRef(tensor.dataId);
      return { dataId: tensor.dataId, shape, dtype: tensor.dtype };
    },
    release: tensor => void backend.disposeData(tensor.dataId),
  };
}
