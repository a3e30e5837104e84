import type { Tensor, TensorConstructor } from 'onnxruntime-web';
import type { Memory } from './ort-runner.mjs';

type ErrorListener = (event: { error: { message: string } }) => void;

/** What is used of WebGPU's `GPUDevice`. */
export interface Device {
  createBuffer(descriptor: { size: number; usage: number; mappedAtCreation: boolean }): {
    getMappedRange(): ArrayBuffer;
    unmap(): void;
    destroy(): void;
  };
  addEventListener(type: 'uncapturederror', listener: ErrorListener): void;
  removeEventListener(type: 'uncapturederror', listener: ErrorListener): void;
}

/** `GPUBufferUsage` of https://www.w3.org/TR/webgpu/#buffer-usage. */
const [copySource, copyTarget, storage] = [0x4, 0x8, 0x80];

/** ONNX Runtime takes buffers of whole vectors. */
const vectorBytes = 16;

/**
 * The memory of the graphics processor: weights go there once, and state stays there between runs. What has gone there can
 * be read only when a run has made it anew.
 */
export const deviceMemory = (ort: { Tensor: TensorConstructor }, device: Device): Memory => ({
  location: 'gpu-buffer',
  hold({ type, shape, data }) {
    const size = Math.max(1, Math.ceil(data.byteLength / vectorBytes)) * vectorBytes;
    const buffer = device.createBuffer({ size, usage: copySource | copyTarget | storage, mappedAtCreation: true });
    new Uint8Array(buffer.getMappedRange()).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    buffer.unmap();
    return ort.Tensor.fromGpuBuffer(buffer as never, {
      dataType: type as Tensor.GpuBufferDataTypes,
      dims: shape,
      dispose: () => buffer.destroy(),
    });
  },
});
