/** What the prose of a page introduces, and its blocks use as it is: imported before such a block runs. */

import { openBackbone } from '@peft/backbones/node';
import { startBackend } from '@peft/backends';
import { batchSource } from '@peft/data';
import { openDataset } from '@peft/data/node';
import * as tf from '@tensorflow/tfjs-core';

await startBackend('wasm');
const { model: vit, preprocessing } = await openBackbone('pico-vit', { classes: 5 });
const side = Number(process.env.PEFT_GIVEN_SIDE ?? 32);
const images = tf.randomUniform([2, side, side, 3]);
const source = batchSource(await openDataset('my-pictures', 'train'), preprocessing);
Object.assign(globalThis, { vit, images, source });
