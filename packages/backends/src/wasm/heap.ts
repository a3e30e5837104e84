import { check, PeftError } from '@peft/core';
import { retainDeferred } from '@peft/core/engine';
import { type DataType, type KernelBackend, type TensorInfo, version_core } from '@tensorflow/tfjs-core';
import { instantiate } from './instantiate.mjs';
import { compileKernels } from './module.ts';
import { PackedWeights } from './packed-weights.ts';
import { isShared } from './shared-memory.ts';
import { alone, startTeam, type Team } from './threads/team.ts';

/** The internals of tfjs 4.22's wasm backend used here. */
interface WasmBackend extends KernelBackend {
  wasm: { asm: { memory: WebAssembly.Memory }; _malloc(bytes: number): number; _free(address: number): void };
  dataIdMap: { get(dataId: object): { memoryOffset: number } };
  makeOutput(shape: number[], dtype: DataType): TensorInfo;
}

/** Our kernels in the memory of a wasm backend, and its tensors as addresses there. */
export interface Heap {
  readonly backend: KernelBackend;
  /** The requested number of threads. */
  readonly threads: number;
  readonly team: Team;
  /** Weights in 8 bits, as the kernels take them. */
  readonly weights: PackedWeights;
  address(tensor: TensorInfo): number;
  /** The address of each. */
  addresses<Several extends TensorInfo[]>(...tensors: Several): { [Index in keyof Several]: number };
  /** Allocates a tensor with undefined content and one reference, owned by the caller. */
  make(shape: number[], dtype?: DataType): TensorInfo;
  /** The same data in another shape, with one more reference. */
  share(tensor: TensorInfo, shape: number[]): TensorInfo;
  release(tensor: TensorInfo): void;
  /** Ends the team and frees the weights. */
  close(): void;
}

/** Returns the backend, or throws `not-supported` if its version or internals are not those the kernels need. */
function checkInternals(backend: KernelBackend): WasmBackend {
  check(version_core.startsWith('4.22.'), 'not-supported', () => {
    return `This is TensorFlow.js ${version_core}; the fast kernels need the internals of 4.22.`;
  });
  const given = backend as Partial<WasmBackend>;
  const missing = Object.entries({
    'wasm.asm.memory': given.wasm?.asm?.memory,
    'wasm._malloc': given.wasm?._malloc,
    'wasm._free': given.wasm?._free,
    'dataIdMap.get': given.dataIdMap?.get,
    makeOutput: given.makeOutput,
    incRef: given.incRef,
    disposeData: given.disposeData,
  }).flatMap(([name, value]) => (value === undefined ? [name] : []));
  if (missing.length === 0) return backend as WasmBackend;
  const found = `This wasm backend of TensorFlow.js has no ${missing.join(', ')}`;
  throw new PeftError('not-supported', `${found}; the fast kernels need @tensorflow/tfjs-backend-wasm 4.22.`);
}

/** Checks a newly allocated address, which is 0 if the memory is full. */
function checkAddress(address: number): number {
  check(address !== 0, 'state', () => {
    return 'The memory of the wasm backend is full (its limit is 4 GiB); use a smaller batch, or train with ONNX Runtime.';
  });
  return address >>> 0;
}

/** Starts the threads of a backend, this one and helpers, if its memory can be shared. */
async function openTeam({ wasm }: WasmBackend, threads: number): Promise<Team> {
  const { memory } = wasm.asm;
  const shared = isShared(memory);
  const module = await compileKernels(shared);
  const kernels = await instantiate(module, memory);
  const takeScratch = () => checkAddress(wasm._malloc(kernels.scratchBytes()));
  kernels.setScratch(takeScratch());
  if (!shared || threads === 1) return alone(kernels);
  const scratches = Array.from({ length: threads - 1 }, takeScratch);
  return startTeam(module, memory, kernels, scratches).catch(error => {
    console.warn(`${error instanceof Error ? error.message : error} The wasm backend computes in one thread.`);
    return alone(kernels);
  });
}

/** Puts the kernels into the backend's memory. Their scratch space, a megabyte for each thread, is allocated once and kept. */
export async function openHeap(registered: KernelBackend, threads: number): Promise<Heap> {
  const backend = checkInternals(registered);
  const { wasm } = backend;
  const team = await openTeam(backend, threads);
  const weights = new PackedWeights(team.kernels, {
    allocate: bytes => checkAddress(wasm._malloc(bytes)),
    free: address => wasm._free(address),
    bytes: () => new Uint8Array(wasm.asm.memory.buffer),
  });
  const address = ({ dataId }: TensorInfo): number => backend.dataIdMap.get(dataId).memoryOffset;
  return {
    backend,
    threads,
    team,
    weights,
    address,
    addresses: <Several extends TensorInfo[]>(...tensors: Several) =>
      tensors.map(address) as { [Index in keyof Several]: number },
    make(shape, dtype = 'float32') {
      const tensor = backend.makeOutput(shape, dtype);
      checkAddress(address(tensor));
      return tensor;
    },
    share(tensor, shape) {
      if (!retainDeferred(tensor.dataId)) backend.incRef(tensor.dataId);
      return { dataId: tensor.dataId, shape, dtype: tensor.dtype };
    },
    release: tensor => void backend.disposeData(tensor.dataId),
    close() {
      team.end();
      weights.clear();
    },
  };
}
