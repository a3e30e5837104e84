import type { Tensor, TensorConstructor } from 'onnxruntime-web';
import type { Memory } from './ort-runner.mjs';

/** ONNX Runtime needs buffers whose size is a multiple of a vector of four numbers. */
const vectorBytes = 16;

/**
 * The memory of the GPU. Weights are uploaded once, and state stays there between runs. A value can be read back only after a run has
 * written it.
 */
export const deviceMemory = (ort: { Tensor: TensorConstructor }, device: GPUDevice): Memory => ({
  location: 'gpu-buffer',
  hold({ type, shape, data }) {
    const size = Math.max(1, Math.ceil(data.byteLength / vectorBytes)) * vectorBytes;
    const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST | GPUBufferUsage.STORAGE;
    const buffer = device.createBuffer({ size, usage, mappedAtCreation: true });
    new Uint8Array(buffer.getMappedRange()).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    buffer.unmap();
    return ort.Tensor.fromGpuBuffer(buffer, {
      dataType: type as Tensor.GpuBufferDataTypes,
      dims: shape,
      dispose: () => buffer.destroy(),
    });
  },
});
