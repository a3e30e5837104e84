import { parentPort, workerData } from 'node:worker_threads';
import { createOrtRunner } from './ort-runner.mjs';
import { serveRunner } from './serve-runner.mjs';

/** The thread of `onnxEngine`. @import { OrtRunnerOptions } from './ort-runner.mjs' @import { Gate } from './gate.ts' */

/** @param {OrtRunnerOptions['session']} session */
const open = async session => createOrtRunner(await import('onnxruntime-node'), { session, preallocate: true });

const serve = serveRunner(open, (reply, transfer) => parentPort?.postMessage(reply, transfer));

/** Calls under way, and whether no more may start. */
const gate = /** @type {Gate} */ (workerData.gate);

parentPort?.on('message', async call => {
  Atomics.add(gate, 0, 1);
  if (Atomics.load(gate, 1) === 0) await serve(call);
  Atomics.sub(gate, 0, 1);
  Atomics.notify(gate, 0);
});
