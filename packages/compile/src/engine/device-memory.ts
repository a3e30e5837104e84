import type { Tensor, TensorConstructor } from 'onnxruntime-web';
import type { Memory } from './ort-runner.mjs';

/** ONNX Runtime takes buffers of whole vectors. */
const vectorBytes = 16;

/**
 * The memory of the graphics processor: weights go there once, and state stays there between runs. What has gone there can
 * be read only when a run has made it anew.
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
