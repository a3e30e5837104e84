import '@peft/compile/worker';

/** Loses the device of this worker's engine when the page asks for it. */
const { requestDevice } = GPUAdapter.prototype;
GPUAdapter.prototype.requestDevice = async function (descriptor) {
  const device = await requestDevice.call(this, descriptor);
  new BroadcastChannel('lose').addEventListener('message', () => device.destroy());
  return device;
};
