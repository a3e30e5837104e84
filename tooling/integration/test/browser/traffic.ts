/** Bytes of each transfer between the host and a graphics processor. */
export interface Traffic {
  readonly sent: number[];
  readonly fetched: number[];
}

/** Watches what is moved to and from a device from now on. */
export function watchTraffic(device: GPUDevice): Traffic {
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
  return { sent, fetched };
}
