import { barrierKernels } from './barrier.ts';
import { convolutionKernels } from './convolution.ts';
import { elementwiseKernels } from './elementwise.ts';
import { fusedKernels } from './fused.ts';
import { indexingKernels } from './indexing.ts';
import type { KernelTable } from './kernel.ts';
import { matMulKernels } from './matmul.ts';
import { reduceKernels } from './reduce.ts';
import { shapeKernels } from './shape.ts';

/** Every kernel that can be recorded. */
export const kernelTable = (): KernelTable => ({
  ...elementwiseKernels,
  ...reduceKernels,
  ...matMulKernels,
  ...shapeKernels,
  ...indexingKernels,
  ...convolutionKernels,
  ...fusedKernels,
  ...barrierKernels,
});
