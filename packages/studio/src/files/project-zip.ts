import type { FolderFiles } from '@peft/core';
import type { RecipeOptions, RunRecord } from '@peft/run';
import type { LabeledPictures, Part } from '../worker/protocol.ts';
import { safeName } from './file-names.ts';
import type { StoredRun } from './stored.ts';

/** What `project.json` holds. */
interface ProjectJson {
  readonly format: 1;
  readonly classes: readonly string[];
  readonly backbone: string;
  readonly recipe: RecipeOptions;
  /** By their paths in the zip; `fixed` where the user gave the part. */
  readonly pictures: readonly {
    readonly path: string;
    readonly label: number;
    readonly part: Part;
    readonly fixed: boolean;
  }[];
}

/** What a run's folder holds beside its adapter and its record. */
interface RunJson extends Pick<StoredRun, 'name' | 'backbone' | 'validation'> {
  readonly held: readonly { readonly path: string; readonly part: Part; readonly label: number }[];
  readonly probabilities: readonly number[];
}

export interface ProjectParts {
  readonly labeled: LabeledPictures & { readonly ids: readonly string[] };
  /** For each picture. */
  readonly parts: readonly Part[];
  readonly backbone: string;
  readonly recipe: RecipeOptions;
  readonly runs: readonly StoredRun[];
  /** The last checkpoint of a run that is not finished. */
  readonly checkpoint: Uint8Array | undefined;
}

const encode = (value: object): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);

const guide = `A project of peft studio: open this zip there again. On the command line, in this folder:

    peft train --config config.json --out runs/unfinished --resume   goes on with a run that was under way
    peft train --config config.json --out runs/again                 trains by the recipe
    peft eval --adapter runs/NAME --data pictures                    tests a finished run
`;

/** All of a project by path: pictures in folders that the command line reads, the recipe, and the runs. */
export async function projectFiles(project: ProjectParts): Promise<FolderFiles> {
  const { labeled, parts, backbone, recipe, runs, checkpoint } = project;
  const { classes, pictures, ids } = labeled;
  const paths = pictures.map(({ label, name }, i) => `pictures/${parts[i]}/${safeName(classes[label] ?? '')}/${name}`);
  const files: FolderFiles = {};
  for (const [i, { blob }] of pictures.entries()) files[paths[i]!] = new Uint8Array(await blob.arrayBuffer());
  const listed = pictures.map(({ label, part }, i) => ({
    path: paths[i]!,
    label,
    part: parts[i]!,
    fixed: part !== undefined,
  }));
  const json: ProjectJson = { format: 1, classes, backbone, recipe, pictures: listed };
  files['project.json'] = encode(json);
  const validated = parts.includes('val') ? { valSplit: 'val' } : { keepBest: false };
  files['config.json'] = encode({ backbone, data: 'pictures', ...recipe, ...validated });
  files['README.txt'] = new TextEncoder().encode(guide);
  if (checkpoint) files['runs/unfinished/checkpoint.safetensors'] = checkpoint;
  const pathOf = new Map(ids.map((id, i) => [id, paths[i]!]));
  for (const run of runs) {
    const folder = `runs/${safeName(run.name)}`;
    for (const [path, bytes] of Object.entries(run.adapter)) files[`${folder}/${path}`] = bytes;
    files[`${folder}/run.json`] = encode(run.record);
    const held = run.held.map(({ picture, part, label }) => ({ path: pathOf.get(picture) ?? '', part, label }));
    const { name, validation, probabilities } = run;
    const kept: RunJson = { name, backbone: run.backbone, validation, held, probabilities: [...probabilities] };
    files[`${folder}/studio.json`] = encode(kept);
  }
  return files;
}

export interface OpenedProject {
  readonly classes: readonly string[];
  readonly backbone: string;
  readonly recipe: RecipeOptions;
  readonly pictures: readonly {
    readonly file: File;
    readonly path: string;
    readonly label: number;
    readonly part?: Part;
  }[];
  /** Those of `held` name pictures by their paths. */
  readonly runs: readonly StoredRun[];
}

function parse<T>(files: FolderFiles, path: string): T {
  const bytes = files[path];
  if (!bytes) throw new Error(`The zip has no ${path}; it is no project of the studio.`);
  return JSON.parse(new TextDecoder().decode(bytes)) as T;
}

function openRun(files: FolderFiles, folder: string): StoredRun {
  const { held, probabilities, ...run } = parse<RunJson>(files, `${folder}/studio.json`);
  const beside = ['run.json', 'studio.json'].map(name => `${folder}/${name}`);
  const own = Object.keys(files).filter(path => path.startsWith(`${folder}/`) && !beside.includes(path));
  return {
    ...run,
    id: crypto.randomUUID(),
    record: parse<RunRecord>(files, `${folder}/run.json`),
    adapter: Object.fromEntries(own.map(path => [path.slice(folder.length + 1), files[path]!])),
    held: held.map(({ path, part, label }) => ({ picture: path, part, label })),
    probabilities: Float32Array.from(probabilities),
  };
}

/**
 * Reads what {@link projectFiles} wrote.
 *
 * @throws Error for what is no project, or of a format that this version does not read
 */
export function openProject(files: FolderFiles): OpenedProject {
  const { format, classes, backbone, recipe, pictures } = parse<ProjectJson>(files, 'project.json');
  if (format !== 1) throw new Error(`The project has format ${String(format)}; this version reads 1.`);
  const folders = Object.keys(files).flatMap(path => /^(runs\/[^/]+)\/studio\.json$/.exec(path)?.[1] ?? []);
  return {
    ...{ classes, backbone, recipe },
    pictures: pictures.map(({ path, label, part, fixed }) => {
      const bytes = files[path];
      if (!bytes) throw new Error(`The zip lacks the picture ${path}.`);
      const file = new File([new Uint8Array(bytes)], path.slice(path.lastIndexOf('/') + 1));
      return { file, path, label, ...(fixed && { part }) };
    }),
    runs: folders.map(folder => openRun(files, folder)),
  };
}
