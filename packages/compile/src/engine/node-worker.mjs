import { parentPort } from 'node:worker_threads';
import { createOrtRunner } from './ort-runner.mjs';
import { serveRunner } from './serve-runner.mjs';

/** The thread of `onnxEngine`. @import { OrtRunnerOptions } from './ort-runner.mjs' */

/** @param {OrtRunnerOptions['session']} session */
const open = async session => createOrtRunner(await import('onnxruntime-node'), { session, preallocate: true });

parentPort?.on(
  'message',
  serveRunner(open, (reply, transfer) => parentPort?.postMessage(reply, transfer)),
);
