import type { AdaptedModel } from '../adapted/adapted-model.ts';
import type { Adapter } from '../adapted/adapter.ts';
import { parameterOf, savedModules } from '../adapted/plan.ts';
import { check, PeftError } from '../errors.ts';
import { nonFinite } from '../finite.ts';
import type { MethodFactory, ReadAdapter } from '../method/method.ts';
import type { MethodRecord } from '../method/record.ts';
import { factoryOf, methodRecord, recordOptions } from '../method/revive.ts';
import { fromFileOrder, toFileOrder } from '../module/layout.ts';
import { namesOf } from '../module/naming.ts';
import type { Parameter } from '../module/parameter.ts';
import { type QuantizedDtype, quantizedDtypes } from '../quantized/quantize-weights.ts';
import { quote } from '../quote.ts';
import { configure, option, required } from '../schema/options.ts';
import { boolean, choice, integer, list, number, object, string, table } from '../schema/value.ts';
import { key } from '../tensor/random.ts';
import { type PeftAdapterFile, peftPrefix, TensorReader } from './adapter-file.ts';
import { fromFloat32, toFloat32 } from './dtype.ts';
import { checkHash, type FileHashes, isFileHashes, sha256Of } from './hashes.ts';
import { type Json, type JsonObject, parseJsonObject } from './json.ts';
import { type AdapterForm, detectNaming, renamedAdapter } from './renamed-adapter.ts';
import { parseSafetensors, serializeSafetensors } from './safetensors.ts';
import { partShape, readSaved, savedKeys } from './saved-keys.ts';
import type { StoredTensor } from './stored-tensor.ts';

/** A folder's files by relative path, with `/` between its parts. */
export type FolderFiles = Record<string, Uint8Array>;

/** The model that the adapters were trained on, as `peft.json` describes it. Every field is optional. */
export interface ModelCard {
  /** The backbone's name or where it came from. */
  backbone?: string;
  /** SHA-256 of the backbone's weights file. */
  weightsHash?: string;
  /** How the backbone's linear weights were kept, if in fewer bits than the file's. */
  frozenDtype?: QuantizedDtype;
  labels?: string[];
  preprocessing?: JsonObject;
}

interface StackEntry extends MethodRecord {
  name: string;
  weight: number;
  active: boolean;
}

interface PeftJson {
  format: 3;
  adapters: StackEntry[];
  /** The files of the adapters: reading refuses those of another save. */
  files: FileHashes;
  model: ModelCard;
}

/** The version of Hugging Face peft whose file format is written. */
const peftVersion = '0.21.0';
const folderOf = (name: string): string => (name === 'default' ? '' : `${name}/`);
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const sorted = (object: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));

async function writeAdapter(
  adapter: Adapter,
  { plan, values }: AdapterForm,
  card: ModelCard,
): Promise<PeftAdapterFile> {
  const { method } = plan;
  const tensors = new Map<string, StoredTensor>();
  const modulesToSave = savedModules(method, plan.kept, plan.naming);
  let config: JsonObject = {};
  if (method.files) {
    const written = await method.files.write(values);
    config = written.config;
    for (const [name, tensor] of written.tensors) tensors.set(name, tensor);
  } else {
    for (const [path, parameter] of plan.parameters) {
      const values = toFileOrder(await parameter.get(), parameter.layout);
      tensors.set(path, fromFloat32(values, parameter.layout.shape));
    }
  }
  for (const [path, { own }] of plan.saved) {
    const stored = await own.getForFile();
    const keys = savedKeys(path, plan);
    const size = stored.length / keys.length;
    for (const [i, key] of keys.entries()) {
      const part = stored.subarray(i * size, (i + 1) * size);
      tensors.set(key, fromFloat32(part, partShape(own.layout.shape, keys.length)));
    }
  }
  for (const [path, tensor] of tensors) {
    check(nonFinite(toFloat32(tensor)) === undefined, 'numerics', () => {
      return `Adapter "${adapter.name}": ${path} has values that are not finite: its training diverged. It is not saved.`;
    });
  }
  return {
    config: sorted({
      peft_type: method.files?.peftType ?? method.type.toUpperCase(),
      task_type: null,
      auto_mapping: null,
      base_model_name_or_path: card.backbone ?? null,
      revision: null,
      inference_mode: true,
      peft_version: peftVersion,
      modules_to_save: modulesToSave.length > 0 ? modulesToSave : null,
      ...config,
    }),
    tensors,
  };
}

const readme = (model: AdaptedModel, card: ModelCard): string =>
  [
    '---',
    'library_name: peft',
    ...(card.backbone ? [`base_model: ${JSON.stringify(card.backbone)}`] : []), // a JSON string is one of YAML, too
    '---',
    '',
    `Adapters of a vision model: ${[...model.adapters.values()].map(({ name, method }) => `${name} (${method.type})`).join(', ')}.`,
    '`adapter_config.json` and `adapter_model.safetensors` are in the layout of Hugging Face peft; `peft.json` holds what',
    'peft has no field for: the stack of methods, the labels, the preprocessing and the backbone.',
    '',
  ].join('\n');

/** An adapter in the naming that its model's adapters are saved in, if it has a form there. */
const formOf = async (adapter: Adapter, { base }: AdaptedModel): Promise<AdapterForm> =>
  (base.naming && (await renamedAdapter(adapter, base, base.naming))) ?? {
    plan: adapter.plan,
    values: await adapter.targetValues(),
  };

/** All adapters of a model as the files of one folder, in the model's {@link NamedElsewhere.naming}. */
export async function writeAdapterFolder(model: AdaptedModel, card: ModelCard = {}): Promise<FolderFiles> {
  check(!model.isMerged, 'state', () => 'Cannot save adapters while they are merged; call unmerge() first.');
  check(model.adapters.size > 0, 'state', () => 'There is no adapter to save; add one first.');
  const files: FolderFiles = {};
  const stack: StackEntry[] = [];
  for (const adapter of model.adapters.values()) {
    const { name, weight } = adapter;
    const form = await formOf(adapter, model);
    const { method, naming } = form.plan;
    const { config, tensors } = await writeAdapter(adapter, form, card);
    const prefixed = [...tensors].map(([path, tensor]) => [peftPrefix + path, tensor] as const);
    files[`${folderOf(name)}adapter_config.json`] = encode(`${JSON.stringify(config, null, 2)}\n`);
    files[`${folderOf(name)}adapter_model.safetensors`] = serializeSafetensors(prefixed, {
      format: 'pt',
      ...(naming && { naming: naming.id }),
    });
    stack.push({
      name,
      ...methodRecord(method),
      weight,
      active: model.active.includes(adapter),
    });
  }
  const hashes = Object.fromEntries(Object.entries(files).map(([path, bytes]) => [path, sha256Of(bytes)]));
  const peftJson: PeftJson = { format: 3, adapters: stack, files: hashes, model: card };
  files['peft.json'] = encode(`${JSON.stringify(peftJson, null, 2)}\n`);
  files['README.md'] = encode(readme(model, card));
  return files;
}

/** The contents of an adapter folder, not yet added to a model. */
export interface AdapterFolder {
  readonly source: string;
  readonly card: ModelCard;
  readonly adapters: readonly {
    readonly name: string;
    readonly weight: number;
    readonly active: boolean;
    readonly file: PeftAdapterFile;
    readonly read: ReadAdapter;
  }[];
}

const recordFields = {
  type: required('The method.', string()),
  config: required('Its options.', object({})),
  findings: option('What it has found.', object({})),
  base: option('The method that it acts on.', object({})),
};

const entryFields = {
  name: required('The adapter.', string()),
  weight: required('What multiplies its update.', number()),
  active: required('Whether it is in use.', boolean()),
};

const cardFields = {
  backbone: option('The name of the backbone, or where it came from.', string()),
  weightsHash: option('SHA-256 of its weights.', string()),
  frozenDtype: option('How its linear weights were kept.', choice(quantizedDtypes)),
  labels: option('The names of the classes.', list(string())),
  preprocessing: option('How pictures become its input.', object({})),
};

const peftJsonFields = {
  format: required('The version of the format.', integer()),
  adapters: required('The adapters, in order.', list(object({}))),
  files: required('SHA-256 of the files of the adapters.', table(string())),
  model: option('The model that they were trained on.', object({}), {}),
};

const fromFile = { code: 'bad-file', ignoreUnknown: true } as const;

/** Methods that act on methods are nested less deeply than this. */
const deepestRecord = 8;

function parseRecord(found: object, source: string, depth = 0): MethodRecord {
  check(depth < deepestRecord, 'bad-file', () => `${source}: methods are nested more than ${deepestRecord} deep.`);
  const { type, config, findings, base } = configure(source, recordFields, found, fromFile);
  return {
    type,
    config: config as JsonObject,
    ...(findings && { findings: findings as JsonObject }),
    ...(base && { base: parseRecord(base, `${source}.base`, depth + 1) }),
  };
}

function parsePeftJson(bytes: Uint8Array, source: string): PeftJson {
  const json = parseJsonObject(bytes, source);
  const { format } = json;
  check(format === 3, 'bad-file', () => `${source} has format ${quote(format)}; this version reads 3.`);
  const { adapters, files, model } = configure(source, peftJsonFields, json, fromFile);
  check(isFileHashes(files), 'bad-file', () => `${source}: "files" must have a SHA-256 for each file of an adapter.`);
  const stack = adapters.map((entry, i) => {
    const where = `${source}: adapters[${i}]`;
    return { ...configure(where, entryFields, entry, fromFile), ...parseRecord(entry, where) };
  });
  for (const { name } of stack) {
    const isName = /^[\w-]{1,100}$/.test(name);
    check(isName, 'bad-file', () => `${source}: ${quote(name)} is not an adapter's name: letters, digits, - and _.`);
  }
  const names = new Set(stack.map(({ name }) => name));
  check(names.size === stack.length, 'bad-file', () => `${source}: two adapters have one name.`);
  const card = configure(`${source}: model`, cardFields, model, fromFile);
  return { format, adapters: stack, files, model: card as ModelCard };
}

/** Runs `read`, and names the file in errors about its config. */
function inFile<T>(source: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof PeftError)) throw cause;
    const code = cause.code === 'bad-config' ? 'bad-file' : cause.code;
    throw cause.message.startsWith(source) ? cause : new PeftError(code, `${source}: ${cause.message}`, { cause });
  }
}

/** @param hashes the SHA-256 of the saved files; undefined without `peft.json` */
function readPeftFile(files: FolderFiles, name: string, source: string, hashes?: FileHashes): PeftAdapterFile {
  const folder = folderOf(name);
  const configPath = `${folder}adapter_config.json`;
  const configBytes = files[configPath];
  if (hashes && configBytes) checkHash(configBytes, configPath, hashes, source);
  check(configBytes, 'missing', () => {
    return `${source}/${configPath} is missing; an adapter folder has adapter_config.json and adapter_model.safetensors.`;
  });
  const config = parseJsonObject(configBytes, `${source}/${configPath}`);
  const path = `${folder}adapter_model.safetensors`;
  const bytes = files[path];
  check(bytes, 'missing', () => {
    const pickled = files[`${folder}adapter_model.bin`]
      ? ' (adapter_model.bin is a pickle; convert it to safetensors)'
      : '';
    return `${source}/${path} is missing${pickled}.`;
  });
  if (hashes) checkHash(bytes, path, hashes, source);
  const { tensors } = parseSafetensors(bytes, `${source}/${path}`);
  const strip = (tensor: string): string => (tensor.startsWith(peftPrefix) ? tensor.slice(peftPrefix.length) : tensor);
  return { config, tensors: new Map([...tensors].map(([tensor, value]) => [strip(tensor), value])) };
}

function readWith(factory: MethodFactory, file: PeftAdapterFile, options: object | undefined): ReadAdapter {
  if (factory.read) return factory.read(file, options as never);
  check(options, 'bad-file', () => `An adapter of type ${factory.type} needs the peft.json that it was saved with.`);
  return { method: factory(options as never) };
}

/**
 * Parses a folder that {@link writeAdapterFolder} or Python peft wrote.
 *
 * @param factories the methods that may occur in it
 */
export function readAdapterFolder(
  files: FolderFiles,
  source: string,
  factories: readonly MethodFactory[],
): AdapterFolder {
  const peftJson = files['peft.json'] && parsePeftJson(files['peft.json'], `${source}/peft.json`);
  const known = factories.map(({ type, peftType }) => peftType ?? type).join(', ');
  if (!peftJson) {
    const file = readPeftFile(files, 'default', source);
    const peftType: Json = file.config.peft_type ?? null;
    const typeName = typeof peftType === 'string' ? peftType.slice(0, 80) : quote(peftType);
    const factory = factories.find(candidate => candidate.peftType === peftType);
    check(
      factory,
      'not-supported',
      () => `${source} holds an adapter of peft_type ${typeName}; can be read: ${known}.`,
    );
    const read = inFile(`${source}/adapter_config.json`, () => readWith(factory, file, undefined));
    return { source, card: {}, adapters: [{ name: 'default', weight: 1, active: true, file, read }] };
  }
  const adapters = peftJson.adapters.map(({ name, weight, active, ...record }) => {
    const factory = factoryOf(record.type, factories, source);
    const file = readPeftFile(files, name, source, peftJson.files);
    const read = inFile(`${source}/peft.json: adapter "${name}"`, () =>
      readWith(factory, file, recordOptions(record, factories, source)),
    );
    return { name, weight, active, file, read };
  });
  return { source, card: peftJson.model, adapters };
}

/** The values of an adapter's parameters, in memory order: as its method reads them, or stored under their own paths. */
function readValues({ plan, attachedTargets }: Adapter, read: ReadAdapter, reader: TensorReader) {
  const { parameters, targets } = plan;
  const stored = ({ layout }: Parameter, path: string) => fromFileOrder(reader.take(path, layout.shape), layout);
  if (!read.values) return [...parameters].map(([path, parameter]) => [parameter, stored(parameter, path)] as const);
  return attachedTargets.flatMap(attached => {
    const values = Object.entries(read.values?.(attached.target, targets, reader) ?? {});
    return values.map(([name, data]) => [parameterOf(attached, name), data] as const);
  });
}

/**
 * Adds a folder's adapters to a model and uses those that were in use. A folder that does not fit, tensor by tensor,
 * changes nothing.
 *
 * @param weightsHash SHA-256 of the backbone's weights; where the folder names another, the adapter is refused
 */
export async function attachAdapterFolder(
  model: AdaptedModel,
  { source, card, adapters }: AdapterFolder,
  weightsHash?: string,
): Promise<void> {
  check(!weightsHash || !card.weightsHash || weightsHash === card.weightsHash, 'bad-file', () => {
    const trained = card.backbone ?? 'another backbone';
    return `${source} was trained on ${trained} (weights ${card.weightsHash?.slice(0, 12)}), not on these weights (${weightsHash?.slice(0, 12)}).`;
  });
  const added: string[] = [];
  try {
    for (const { name, file, read } of adapters) {
      const naming = detectNaming(model.base, [...file.tensors.keys()]);
      const keeps = (path: string): boolean => {
        const names = namesOf(naming, path);
        return names.length > 0 && names.every(key => file.tensors.has(key));
      };
      // What the file holds is compared with the model before anything is made for it.
      const fill = async (adapter: Adapter): Promise<void> => {
        const reader = new TensorReader(file.tensors, source);
        const values = readValues(adapter, read, reader);
        await readSaved(adapter.plan, reader);
        reader.finish();
        for (const [parameter, data] of values) parameter.set(data);
      };
      await model.add(name, read.method, { key: key(0), strict: false, active: false, keeps, naming, fill });
      added.push(name);
    }
    check(model.unkept.length === 0, 'bad-file', () => {
      const names = model.unkept.join(', ');
      return (
        `${source} lacks ${names}, which this model has new, without values from a file: what was trained with the adapter ` +
        'is lost. Open the backbone with the head that the adapter was trained on, or train the adapter anew.'
      );
    });
    model.use(Object.fromEntries(adapters.filter(({ active }) => active).map(({ name, weight }) => [name, weight])));
  } catch (error) {
    for (const name of added) model.remove(name);
    throw error;
  }
}
