import { PeftError } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';

/** Makes a registered backend the current one; if it does not start, the previous one stays current. */
export async function activate(name: string, remedy: string): Promise<void> {
  const previous = tf.getBackend();
  if (!tf.findBackendFactory(name)) {
    throw new PeftError('state', `The ${name} backend was removed with tf.removeBackend; restart the program.`);
  }
  if (await tf.setBackend(name)) return;
  if (previous && previous !== name) await tf.setBackend(previous);
  throw new PeftError('state', `TensorFlow.js could not start its ${name} backend (see its warning above); ${remedy}`);
}
