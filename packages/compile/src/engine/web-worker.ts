/**
 * The thread of `onnxWebEngine`: a module worker that imports this, `import '@peft/compile/worker'`, and may set `env.wasm` of
 * onnxruntime-web beside it.
 */
import { serveRunner } from './serve-runner.mjs';
import { createWebRunner } from './web-runner.ts';

/** The part of a `DedicatedWorkerGlobalScope` that is used. */
interface WorkerScope {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  addEventListener(type: 'message', listener: (event: { data: Parameters<typeof answer>[0] }) => void): void;
}

const scope = globalThis as unknown as WorkerScope;
const answer = serveRunner(createWebRunner, (reply, transfer) => scope.postMessage(reply, transfer));
scope.addEventListener('message', ({ data }) => answer(data));
