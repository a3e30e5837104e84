import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check, initialize, key, PeftError, type Preprocessing, type QuantizedDtype } from '@peft/core';
import { widenQuantized } from '@peft/core/engine';
import { type BackboneOptions, createBackbone, defineBackbone } from '../create.ts';
import type { ModelFiles } from '../formats/model-files.ts';
import { parseHubReference } from '../hub/reference.ts';
import { quantizeBackbone } from '../quantize.ts';
import type { SwinTransformer } from '../swin/swin-transformer.ts';
import type { VisionTransformer } from '../vit/vision-transformer.ts';
import { loadBackbone } from '../weights/load.ts';
import type { FileNaming } from '../weights/naming.ts';
import { adapterNaming } from '../weights/namings.ts';
import type { BackboneDefinition } from '../zoo/entry.ts';
import { lookupBackbone, zoo } from '../zoo/zoo.ts';
import { readModelFolder } from './folder.ts';
import { type DownloadOptions, downloadModel } from './hub/model.ts';
import { entryAt } from './regular-file.ts';
import { currentFolder } from './replace-folder.ts';
import { openWeights } from './weights-file.ts';

export interface OpenBackboneOptions extends BackboneOptions, DownloadOptions {
  /** A safetensors file for a name of the zoo; without it, and without weights of its own, values are random. */
  weights?: string;
  /** For what no file gives: a new head, or everything. */
  seed?: number;
  /** How the weights of linear modules are kept, but for the head's; as they are, unless given: see `quantizeWeights`. */
  frozenDtype?: QuantizedDtype;
}

export interface OpenedBackbone {
  readonly model: VisionTransformer | SwinTransformer;
  readonly preprocessing: Preprocessing;
  /** Class names, if the head is the file's own and it has them. */
  readonly labels: readonly string[] | undefined;
  /** The architecture's name: of the zoo, or as the folder's `config.json` has it. */
  readonly name: string;
  /** The given name, folder or Hub address. */
  readonly source: string;
  /**
   * The weights' file, or the index of several; `undefined` for random values. It is read when something needs them, so it
   * must stay as it is.
   */
  readonly weights: string | undefined;
  /** How the weights of linear modules are kept, if in fewer bits than float32. */
  readonly frozenDtype: QuantizedDtype | undefined;
  /**
   * The SHA-256 of that file, in hexadecimal, computed when it is first asked for; `undefined` for random values. Of
   * several files: of a line `<sha256>  <name>` for each, by name.
   */
  weightsHash(): Promise<string | undefined>;
  /** The layout of that file, for `exportBackbone`. */
  readonly layout: FileNaming | undefined;
  /** The configuration that it came with, for `saveBackbone`. */
  readonly files: ModelFiles;
}

interface Located {
  readonly name: string;
  readonly definition: BackboneDefinition;
  readonly labels: readonly string[] | undefined;
  readonly weights: string | undefined;
  readonly files: ModelFiles;
}

/** The folder of a model that comes as a package. */
async function packagedModel(name: 'pico-vit' | 'pico-swin'): Promise<string> {
  try {
    const { modelConfig } = await import('@peft/pico');
    return join(fileURLToPath(modelConfig(name)), '..');
  } catch (cause) {
    throw new PeftError('missing', `The weights of ${name} come with @peft/pico: npm install @peft/pico`, { cause });
  }
}

async function locate(spec: string, options: OpenBackboneOptions, newHead: boolean): Promise<Located> {
  const { weights } = options;
  if (spec.startsWith('hf:')) return readModelFolder(await downloadModel(parseHubReference(spec), options), newHead);
  const isPico = spec === 'pico-vit' || spec === 'pico-swin';
  if (isPico && !weights) return { ...(await readModelFolder(await packagedModel(spec), newHead)), name: spec };
  if (!Object.hasOwn(zoo, spec)) {
    const folder = await currentFolder(spec);
    const { kind } = await entryAt(folder);
    if (kind === 'folder') return readModelFolder(folder, newHead);
    check(kind === 'none', 'bad-argument', () => {
      const advice = 'a backbone is a name, a folder, or hf:owner/name.';
      return `${spec} is a file; ${advice} Give a file of weights beside the name: weights: "${basename(spec)}" (--weights).`;
    });
  }
  check(
    !/[/\\]/.test(spec),
    'missing',
    () => `There is no folder ${spec}. A backbone is a name, a folder, or hf:owner/name.`,
  );
  const files: ModelFiles = { format: 'timm', config: { architecture: spec } };
  return { name: spec, definition: lookupBackbone(spec), labels: undefined, weights, files };
}

/** How the weights of linear modules are to be kept: as asked, or as they are stored. */
function keptDtype(asked: QuantizedDtype | undefined, stored: QuantizedDtype | undefined, source: string) {
  check(!asked || !stored || asked === stored, 'bad-argument', () => {
    return `${source} has its weights in ${stored}; they cannot be kept in ${asked}. Leave frozenDtype out, or open the original weights.`;
  });
  return asked ?? stored;
}

/**
 * Opens a backbone with its weights.
 *
 * @param spec a name of the zoo; a folder in timm's Hub layout or transformers'; or `hf:owner/name[@revision]`, which is
 * downloaded once
 * @throws PeftError `no-match` for an unknown name, `missing` for what is not there, `bad-file` and `bad-config` for files
 * that are not what they should be
 */
export async function openBackbone(spec: string, options: OpenBackboneOptions = {}): Promise<OpenedBackbone> {
  const { classes, seed = 0 } = options;
  const newHead = classes !== undefined;
  const found = await locate(spec, options, newHead);
  const weights = options.weights ?? found.weights;
  const definition = defineBackbone(found.definition, options);
  const model = createBackbone(definition);
  const source = `${basename(weights ?? '')} (${spec})`;
  const file = weights ? await openWeights(weights, source) : undefined;
  const stored = file && widenQuantized(file.tensors, source);
  const layout = stored && loadBackbone(model, stored, source, { newHead });
  const frozenDtype = keptDtype(options.frozenDtype, stored?.dtype, source);
  if (layout) model.naming = adapterNaming(model.architecture, layout);
  initialize(model, key(seed));
  if (frozenDtype) quantizeBackbone(model, frozenDtype);
  let hash: Promise<string> | undefined;
  const ownHead = !newHead || classes === found.labels?.length;
  return {
    model,
    preprocessing: definition.preprocessing,
    labels: ownHead ? found.labels : undefined,
    name: found.name,
    source: spec,
    weights,
    frozenDtype,
    async weightsHash() {
      hash ??= file?.hash();
      return hash;
    },
    layout,
    files: found.files,
  };
}
