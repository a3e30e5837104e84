import { env } from 'onnxruntime-web';

/** Bytes of each transfer between the host and the graphics processor. */
export interface Traffic {
  readonly sent: number[];
  readonly fetched: number[];
  stop(): void;
}

/** Watches what ONNX Runtime, of which a WebGPU session must have been made, moves from now on. */
export async function watchTraffic(): Promise<Traffic> {
  const device = await env.webgpu.device;
  const { queue } = device;
  const [createBuffer, writeBuffer] = [device.createBuffer.bind(device), queue.writeBuffer.bind(queue)];
  const [sent, fetched]: [number[], number[]] = [[], []];
  device.createBuffer = descriptor => {
    if (descriptor.mappedAtCreation) sent.push(descriptor.size);
    if (descriptor.usage & GPUBufferUsage.MAP_READ) fetched.push(descriptor.size);
    return createBuffer(descriptor);
  };
  queue.writeBuffer = (buffer, offset, data, start = 0, length = data.byteLength - start): undefined => {
    sent.push(length);
    writeBuffer(buffer, offset, data, start, length);
  };
  return {
    sent,
    fetched,
    stop: () => {
      Object.assign(device, { createBuffer });
      Object.assign(queue, { writeBuffer });
    },
  };
}
