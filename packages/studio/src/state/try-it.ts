import { projectOf } from '../files/sample.ts';
import { project } from './project.svelte.ts';
import { training } from './training.svelte.ts';
import { view } from './view.svelte.ts';
import { helper } from './workers.ts';

const digitSide = 28;

/** Opens the sample set and trains on it by the recipe as it is: LoRA, unless it was changed. */
export async function tryIt(): Promise<void> {
  project.open(projectOf(await helper().call('sample', undefined), digitSide));
  view.go('train');
  await training.start();
}
