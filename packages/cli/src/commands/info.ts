import { stat } from 'node:fs/promises';
import { createBackbone, zoo } from '@peft/backbones';
import { openBackbone } from '@peft/backbones/node';
import { countParameters, type JsonObject, modules, PeftError, parameters } from '@peft/core';
import { storedNumbers } from '@peft/core/engine';
import { planAdapter, planSettled } from '@peft/core/method';
import { openAdapterFolder, openSafetensors, readRegular } from '@peft/core/node';
import { factories, makeMethod, parseRecord, type RunRecord } from '@peft/run';
import { folderStore } from '@peft/run/node';
import { plain } from '@peft/train';
import { type Arguments, UsageError } from '../arguments.ts';
import type { Output } from '../output/output.ts';
import { parseReport } from '../output/report-data.ts';
import { resultRows, resultTable } from '../output/result-table.ts';
import { runSummary } from '../output/run-summary.ts';
import { bytes, count, percent, table } from '../output/table.ts';

/** Describes an adapter folder, a weights file, a report, a record or a backbone. */
export async function info(args: Arguments, path: string | undefined, output: Output): Promise<void> {
  if (path === undefined) return describeBackbone(args, output);
  const found = await stat(path).catch(() => undefined);
  if (!found)
    throw new UsageError(
      `There is no ${path}; give an adapter folder, a safetensors file, a report, a record (run.json), or --backbone NAME.`,
    );
  if (found.isDirectory()) return describeFolder(path, output);
  if (path.endsWith('.html')) return describeReport(path, output);
  return path.endsWith('.json') ? describeRecord(path, output) : describeFile(path, output);
}

/** Describes a backbone without loading weights: its parameters, and those of a method on it. */
async function describeBackbone(args: Arguments, output: Output): Promise<void> {
  if (args.backbone === undefined)
    throw new UsageError('Give an adapter folder, a safetensors file, or --backbone NAME.');
  const isNamed = Object.hasOwn(zoo, args.backbone);
  const { frozenDtype: _, ...named } = args; // changes no count
  const model = isNamed ? createBackbone(args.backbone) : (await openBackbone(args.backbone, named)).model;
  const method = args.method ? makeMethod({ ...args, method: args.method }, [...model.classifiers]) : undefined;
  const plan = method && planAdapter(model, method);
  const start = countParameters(model, plan ? [plan] : []);
  const settled = countParameters(model, method ? [planSettled(model, method)] : []);
  const { base, adapter, adapterTrainable, saved, targets } = settled;
  const children = [...modules(model)].length - 1;
  const rows = [
    ['parameters', count(base)],
    ['modules', count(children)],
    ['linear targets adapted', count(targets)],
    [`${args.method ?? 'adapter'}, without the head`, count(adapterTrainable)],
    ...(method?.stage ? [[`  before it is to ${method.stage.name}`, count(start.adapter)]] : []),
    ...(adapter === adapterTrainable ? [] : [['  stored, frozen tensors included', count(adapter)]]),
    ['trained whole (head, biases)', count(saved)],
  ];
  output.answer(table([args.backbone, ''], args.method ? rows : rows.slice(0, 2)), {
    trainable: adapterTrainable,
    stored: adapter,
    saved,
    total: base,
    targets,
    modules: [...parameters(model)].map(([name, { shape }]) => ({ name, shape })),
    metadata: { backbone: args.backbone, config: (plan?.method.config ?? null) as JsonObject | null },
  });
}

async function describeFolder(path: string, output: Output): Promise<void> {
  const { adapters, card } = await openAdapterFolder(path, factories);
  const described = adapters.map(({ name, read, file, active }) => {
    const tensors = [...file.tensors].map(([tensor, { dtype, shape }]) => ({ name: tensor, dtype, shape }));
    const numbers = storedNumbers(file, read);
    const stored = [...file.tensors.values()].reduce((sum, tensor) => sum + tensor.bytes.length, 0);
    return { name, type: read.method.type, active, numbers, stored, tensors, config: read.method.config };
  });
  const text = table(
    ['adapter', 'method', 'in use', 'tensors', 'numbers', 'size'],
    described.map(({ name, type, active, tensors, numbers, stored }) => [
      name,
      type,
      active ? 'yes' : 'no',
      count(tensors.length),
      count(numbers),
      bytes(stored),
    ]),
  );
  const total = described.reduce((sum, { numbers }) => sum + numbers, 0);
  const origin = card.backbone ? `\nbackbone ${card.backbone}, ${card.labels?.length ?? '?'} classes` : '';
  const record = await folderStore(path)
    .readRecord()
    .catch((error: unknown) => {
      if (!(error instanceof PeftError)) throw error;
      output.note(error.message); // the adapter is whole all the same
    });
  const run = record ? `\n${originOf(record)}: ${percent(record.result.metrics.accuracy)} on its test pictures` : '';
  output.answer(text + origin + run, { trainable: total, total, modules: described, metadata: card });
}

/** What a run trained on what. */
const originOf = ({ recipe, result }: RunRecord): string =>
  `trained by ${result.method} on ${recipe.data}, ${result.losses.length} steps`;

/** Describes the record of a run. */
async function describeRecord(path: string, output: Output): Promise<void> {
  const record = parseRecord(new TextDecoder().decode(await readRegular(path)), path);
  const text = `${record.recipe.backbone} ${originOf(record)}\n\n${runSummary(record.result)}\n\nrecipe ${JSON.stringify(record.recipe, null, 2)}`;
  output.answer(text, plain(record));
}

/** Describes a report of `compare`. */
async function describeReport(path: string, output: Output): Promise<void> {
  const { title, methods } = parseReport(new TextDecoder().decode(await readRegular(path)), path);
  output.answer(`${title}\n\n${resultTable(methods)}`, { title, rows: resultRows(methods) });
}

async function describeFile(path: string, output: Output): Promise<void> {
  const file = await openSafetensors(path);
  await file.close();
  const modulesOfFile = [...file.header].map(([name, { dtype, shape, begin, end }]) => ({
    name,
    dtype,
    shape,
    bytes: end - begin,
  }));
  const total = modulesOfFile.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
  const rows = modulesOfFile.map(({ name, dtype, shape, bytes: size }) => [
    name,
    dtype,
    `[${shape.join(', ')}]`,
    bytes(size),
  ]);
  const text = `${table(['tensor', 'type', 'shape', 'size'], rows)}\n${count(modulesOfFile.length)} tensors, ${count(total)} numbers`;
  output.answer(text, { trainable: 0, total, modules: modulesOfFile, metadata: file.metadata });
}
