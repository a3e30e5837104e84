/** Has `task` open a WebGPU device, which it returns along with what the task does. */
export async function withDevice<T>(task: () => Promise<T>): Promise<[T, GPUDevice]> {
  const { requestDevice } = GPUAdapter.prototype;
  const devices: GPUDevice[] = [];
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    const device = await requestDevice.call(this, descriptor);
    devices.push(device);
    return device;
  };
  try {
    const result = await task();
    const [device] = devices;
    if (!device) throw new Error('The task opened no WebGPU device.');
    return [result, device];
  } finally {
    GPUAdapter.prototype.requestDevice = requestDevice;
  }
}
