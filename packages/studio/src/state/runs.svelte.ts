import type { RunRecord } from '@peft/run';
import type { StoredRun } from '../files/stored.ts';
import { isEmbedded } from '../worker/embedded.ts';
import type { BackboneChoice, Part, TrainedAdapter } from '../worker/protocol.ts';
import { project } from './project.svelte.ts';
import type { Finished } from './training.svelte.ts';
import { helper } from './workers.ts';

/** What a run made of a picture that it was not trained on. */
export interface HeldPrediction {
  readonly picture: string;
  readonly part: Part;
  readonly label: number;
  readonly predicted: number;
  readonly probabilities: Float32Array;
}

/** The backbone of a run; `undefined` where its file of weights is not here. */
function backboneOf({ backbone, weights, hub }: StoredRun): BackboneChoice | undefined {
  if (weights) return { name: backbone, file: weights, ...(hub && { hub }) };
  return isEmbedded(backbone) ? { name: backbone } : undefined;
}

export function adapterOf(run: StoredRun): TrainedAdapter {
  const backbone = backboneOf(run);
  if (!backbone) throw new Error(`The weights of ${run.backbone} are not here; open the file again in Model.`);
  return { id: run.id, backbone, files: run.adapter };
}

export const classesOf = ({ record }: StoredRun): readonly string[] => record.classes ?? [];

const largest = (values: Float32Array): number =>
  values.reduce((best, value, i) => (value > values[best]! ? i : best), 0);

/** The predictions of a run on the pictures that it was not trained on. */
export function predictionsOf(run: StoredRun): HeldPrediction[] {
  const width = classesOf(run).length;
  return run.held.map(({ picture, part, label }, i) => {
    const probabilities = run.probabilities.subarray(i * width, (i + 1) * width);
    return { picture, part, label, predicted: largest(probabilities), probabilities };
  });
}

/** The finished runs. */
class Runs {
  all: readonly StoredRun[] = $state.raw([]);
  /** The run that is looked at. */
  shownId: string | undefined = $state();

  readonly shown = $derived(this.all.find(({ id }) => id === this.shownId) ?? this.all.at(-1));
  readonly predictions = $derived(this.shown ? predictionsOf(this.shown) : []);
  readonly test = $derived(this.predictions.filter(({ part }) => part === 'test'));

  /** Adds a run, with what it makes of the pictures that it has not seen. */
  async add({ run, job, ids, parts, trained, validation }: Finished): Promise<StoredRun> {
    const classes = trained.record.classes ?? job.classes; // in the order of the logits
    const held = parts.flatMap((part, i) => {
      const [picture, labeled] = [ids[i], job.pictures[i]];
      if (part === 'train' || picture === undefined || !labeled) return [];
      return [{ picture, part, label: classes.indexOf(job.classes[labeled.label] ?? '') }];
    });
    const pictures = held.flatMap(({ picture }) => project.byId.get(picture)?.blob ?? []);
    const adapter = { id: run, backbone: job.backbone, files: trained.adapter };
    const [predicted] = await helper().call('predict', { adapters: [adapter], pictures });
    const { file, hub, name: backbone } = job.backbone;
    const stored: StoredRun = {
      id: run,
      name: this.#nameOf(trained.record),
      ...{ record: trained.record, adapter: trained.adapter, backbone },
      ...(file && { weights: file }),
      ...(hub && { hub }),
      ...{ held, probabilities: predicted?.probabilities ?? new Float32Array(), validation },
    };
    this.all = [...this.all.filter(({ id }) => id !== run), stored];
    this.shownId = run;
    return stored;
  }

  remove(id: string): void {
    this.all = this.all.filter(run => run.id !== id);
  }

  /** The methods of a run, with a number that tells it from others. */
  #nameOf({ recipe: { method, stack } }: RunRecord): string {
    const methods = [method, ...Object.values(stack).map(further => further.method)].join(' + ');
    const taken = new Set(this.all.map(({ name }) => name));
    for (let i = 1; ; i++) if (!taken.has(`${methods} ${i}`)) return `${methods} ${i}`;
  }
}

export const runs = new Runs();
