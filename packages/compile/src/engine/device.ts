import { check, PeftError } from '@peft/core';
import { requestGpuDevice } from '@peft/core/engine';
import type { Runner } from './runner.ts';

/**
 * A WebGPU device of its own, so that a new engine starts on a new one where another was lost.
 *
 * @throws PeftError `not-supported` where there is none
 */
export async function openDevice(): Promise<GPUDevice> {
  const adapter = await globalThis.navigator?.gpu?.requestAdapter({ powerPreference: 'high-performance' });
  check(
    adapter,
    'not-supported',
    () => 'There is no WebGPU here, or no graphics processor that it can use; use "wasm".',
  );
  return requestGpuDevice(adapter);
}

/** In ms. */
const lossIsToldWithin = 100;

/**
 * A runner on a device, which it destroys when it is closed. A run fails in which the device refused something: ONNX Runtime
 * alone may print that and go on. Everything fails once the device is lost.
 *
 * @param open makes the runner; what it is given tells what the device has refused in the present run
 */
export async function onDevice(
  device: GPUDevice,
  open: (refusal: () => string | undefined) => Promise<Runner>,
): Promise<Runner> {
  let refused: string | undefined;
  const listen = ({ error }: GPUUncapturedErrorEvent): void => {
    refused ??= `WebGPU refused a part of the step: ${error.message}`;
  };
  device.addEventListener('uncapturederror', listen);
  const lost = device.lost.then(({ message }): never => {
    const reason = message ? `: ${message.replace(/[.\s]*$/, '')}` : '';
    throw new PeftError(
      'device-lost',
      `The graphics processor was lost${reason}. Go on from the last checkpoint on a new engine.`,
    );
  });
  lost.catch(() => {}); // thrown by the calls below
  const whileThere = async <T>(task: () => Promise<T>): Promise<T> => {
    try {
      return await Promise.race([lost, task()]);
    } catch (error) {
      // What was under way may fail before the loss is told.
      await Promise.race([lost, new Promise(resolve => setTimeout(resolve, lossIsToldWithin))]);
      throw error;
    }
  };
  const runner = await whileThere(() => open(() => refused)).catch(error => {
    device.destroy();
    throw error;
  });
  return {
    ...runner,
    put: values => whileThere(() => runner.put(values)),
    get: slots => whileThere(() => runner.get(slots)),
    drop: slots => whileThere(() => runner.drop(slots)),
    load: plan => whileThere(() => runner.load(plan)),
    run(session, feeds) {
      refused = undefined; // what others did on this device is theirs
      return whileThere(() => runner.run(session, feeds));
    },
    unload: session => whileThere(() => runner.unload(session)),
    async close() {
      device.removeEventListener('uncapturederror', listen);
      await whileThere(() => runner.close()).catch(() => {}); // the device takes along what is left
      device.destroy();
    },
  };
}
