import { kernelBuilds } from '#kernels';

type Address = number;

/** What `assembly/index.ts` exports. */
export interface KernelExports {
  scratchBytes(): number;
  setScratch(address: Address): void;
  gemm(
    m: number,
    n: number,
    k: number,
    a: Address,
    turnA: boolean,
    b: Address,
    turnB: boolean,
    c: Address,
    alpha: number,
    d: Address,
    strideD: number,
  ): void;
  softmax(x: Address, y: Address, rows: number, n: number): void;
  softmaxGrad(p: Address, dp: Address, dx: Address, rows: number, n: number): void;
  softmaxCrossEntropy(logits: Address, target: Address, loss: Address, p: Address, rows: number, n: number): void;
  layerNorm(
    x: Address,
    gamma: Address,
    beta: Address,
    epsilon: number,
    y: Address,
    mean: Address,
    inverseStd: Address,
    rows: number,
    n: number,
  ): void;
  layerNormGrad(
    dy: Address,
    x: Address,
    gamma: Address,
    mean: Address,
    inverseStd: Address,
    dx: Address,
    rows: number,
    n: number,
  ): void;
  gelu(x: Address, y: Address, count: number, tanh: boolean): void;
  geluGrad(dy: Address, x: Address, dx: Address, count: number, tanh: boolean): void;
  moveRows(from: Address, to: Address, count: number, ...sizesThenFromStepsThenToSteps: number[]): void;
  fill(to: Address, count: number, bits: number): void;
  transpose(from: Address, to: Address, batch: number, rows: number, columns: number): void;
  segmentSum(x: Address, ids: Address, y: Address, rows: number, n: number, segments: number): void;
}

const decode = (base64: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(base64), c => c.charCodeAt(0));

/** Runs the kernels in `memory`, with fused multiply-add where this machine's WebAssembly has relaxed SIMD. */
export async function instantiateKernels(memory: WebAssembly.Memory): Promise<KernelExports> {
  const relaxed = decode(kernelBuilds.relaxedSimd);
  const bytes = WebAssembly.validate(relaxed) ? relaxed : decode(kernelBuilds.simd);
  const imports = { env: { memory }, 'cross-entropy': { log: Math.log } };
  const { instance } = await WebAssembly.instantiate(bytes, imports);
  return instance.exports as unknown as KernelExports;
}
