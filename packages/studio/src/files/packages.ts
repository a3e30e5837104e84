import { adapterOf } from '../state/runs.svelte.ts';
import { helper } from '../state/workers.ts';
import { predictionsCsv } from './csv.ts';
import { readyPage } from './ready-page.ts';
import { saveFile } from './save-file.ts';
import type { StoredRun } from './stored.ts';
import { zipped } from './zip.ts';

interface Package {
  readonly title: string;
  readonly about: string;
  /** Makes it and hands it to the browser to save. Returns what to know about it. */
  save(run: StoredRun): Promise<readonly string[]>;
}

const fileName = ({ name }: StoredRun): string => name.replace(/[^\w-]+/g, '-');

/** What can be taken away of a run. */
export const packages = {
  adapter: {
    title: 'Adapter',
    about: 'The folder that peft eval and Python peft read.',
    async save(run) {
      const record = new TextEncoder().encode(`${JSON.stringify(run.record)}\n`);
      saveFile(await zipped({ ...run.adapter, 'run.json': record }), `${fileName(run)}-adapter.zip`);
      return [];
    },
  },
  onnx: {
    title: 'ONNX model',
    about: 'Backbone and adapter in one file for any ONNX runtime.',
    async save(run) {
      const { files, notes } = await helper().call('exportOnnx', adapterOf(run));
      saveFile(await zipped(files), `${fileName(run)}-onnx.zip`);
      return notes;
    },
  },
  page: {
    title: 'Web page',
    about: 'A folder that classifies a picture or the camera on any static host, with nothing else needed.',
    async save(run) {
      const { files, notes } = await helper().call('exportOnnx', adapterOf(run));
      saveFile(await zipped(await readyPage(run.name, files)), `${fileName(run)}-page.zip`);
      return notes;
    },
  },
  merged: {
    title: 'Merged weights',
    about: "The backbone with the adapter folded in, as safetensors under timm's names.",
    async save(run) {
      const { files, notes } = await helper().call('exportMerged', adapterOf(run));
      saveFile(await zipped(files), `${fileName(run)}-merged.zip`);
      return notes;
    },
  },
  csv: {
    title: 'Predictions',
    about: 'A CSV file: each picture that was not trained on, with the probability of each class.',
    async save(run) {
      saveFile(new Blob([predictionsCsv(run)], { type: 'text/csv' }), `${fileName(run)}-predictions.csv`);
      return [];
    },
  },
} satisfies Record<string, Package>;

export type PackageName = keyof typeof packages;
