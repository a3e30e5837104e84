import { Command } from 'commander';
import { type Arguments, readArguments } from './arguments.ts';
import { Output } from './output/output.ts';

type Action = (args: Arguments, output: Output, positional: string[]) => Promise<void>;

const collect = (value: string, previous: string[] = []): string[] => [...previous, value];
const number = (text: string): number => Number(text.trim() === '' ? Number.NaN : text);

/** Groups of options that several verbs take. */
const groups = {
  common: (command: Command): Command =>
    command
      .option('--config <file>', 'a JSON or YAML file of any of these arguments, overridden by flags')
      .option('--engine <engine>', 'auto, onnx, webgpu, wasm or cpu')
      .option('--provider <provider>', 'what computes in the ONNX engine: cpu, webgpu or cuda')
      .option('--threads <n>', 'threads of the engine', number)
      .option('--frozen-dtype <dtype>', 'how the ONNX engine keeps weights that are not trained: f32 or f16')
      .option('--seed <n>', 'every random number: initialisation, order, drop path, augmentation, splits', number)
      .option('--out <path>', 'where to write')
      .option('--json', 'the answer as exactly one JSON object on stdout')
      .option('--quiet', 'no progress')
      .option('--debug', 'a stack with a failure'),
  model: (command: Command): Command =>
    command
      .option(
        '--backbone <name>',
        'a zoo name, a folder in the layout of timm or transformers, or hf:owner/name[@revision]',
      )
      .option('--weights <file>', 'a safetensors file for a zoo name')
      .option(
        '--image-size <pixels>',
        "height and width of the model's pictures, instead of the backbone's own",
        number,
      )
      .option('--yes', 'download the backbone that an adapter names'),
  data: (command: Command): Command =>
    command
      .option('--data <data>', 'an image folder, a VTAB-1K folder, a .safetensors file, or mnist')
      .option('--split <split>', 'train, val, trainval, test, or a list of a VTAB-1K folder such as train800')
      .option('--batch <n>', 'pictures in a batch', number),
  pictures: (command: Command): Command =>
    command
      .option('--skip-broken', 'leave out pictures that cannot be decoded, and say which')
      .option('--max-pixels <n>', 'refuse pictures of more pixels than this', number),
  method: (command: Command): Command =>
    command
      .option('--set <name=value>', 'an option of the method, as `peft methods NAME` lists them (repeatable)', collect)
      .option(
        '--targets <name>',
        'what to adapt: names, one regular expression, or slices such as attn.qkv[q,v] (repeatable)',
        collect,
      ),
  training: (command: Command): Command =>
    command
      .option(
        '--eval-split <split>',
        'what accuracy is measured on, so that options can be chosen on val; test unless given',
      )
      .option('--epochs <n>', 'passes over the pictures', number)
      .option('--steps <n>', 'optimiser steps, instead of epochs', number)
      .option('--lr <rate>', 'learning rate', number)
      .option('--weight-decay <rate>', 'decoupled weight decay', number)
      .option('--schedule <name>', 'constant, cosine, linear or timm-0.4.12')
      .option('--warmup <steps>', 'steps of linear warm-up', number)
      .option('--drop-path <rate>', 'stochastic depth at the last block', number)
      .option('--smoothing <mass>', 'label smoothing', number)
      .option('--clip <length>', 'clip the gradient to this Euclidean length', number)
      .option('--augment <kind>', 'none, vtab or flip-crop')
      .option('--no-shuffle', 'take the pictures in the order of the list')
      .option('--init-adapter <folder>', 'start from a saved adapter')
      .option(
        '--resume [force]',
        'go on from the checkpoint in --out, or start where there is none; force: although the run differs',
      )
      .option('--preset <name>', 'vtab1k or neat-image')
      .option('--accumulate <n>', 'batches a step', number)
      .option('--checkpoint-every <steps>', 'save a checkpoint this often', number)
      .option(
        '--cache-features [GB]',
        'compute what lies below all adapters once for each picture, within this memory (4 GB)',
        number,
      )
      .option(
        '--checkpointing',
        'keep only the input of each block and run it again backwards: less memory, more time',
      ),
};

function verb(
  program: Command,
  name: string,
  description: string,
  parts: (keyof typeof groups)[],
  action: () => Promise<Action>,
): Command {
  const command = program.command(name).description(description);
  for (const part of parts) groups[part](command);
  return groups.common(command).action(async () => {
    const options = command.opts() as Record<string, unknown>;
    if (command.getOptionValueSource('shuffle') !== 'cli') delete options.shuffle;
    const args = await readArguments(options);
    await (await action())(args, new Output(args), command.args);
  });
}

/** The command line. Each verb's code is loaded when it is called. */
export function makeProgram(): Command {
  const program = new Command('peft').description(
    'Fine-tune vision transformers with adapters, from the command line.',
  );
  program.exitOverride().showHelpAfterError();
  verb(
    program,
    'train',
    'train, evaluate and save an adapter',
    ['model', 'data', 'pictures', 'method', 'training'],
    async () => (await import('./commands/train.ts')).train,
  ).option('--method <method>', 'lora (unless given), neat, lily, heat, pear; baselines adaptformer, linear, full');
  verb(
    program,
    'eval',
    'accuracy of an adapter or of a bare backbone',
    ['model', 'data', 'pictures'],
    async () => (await import('./commands/eval.ts')).evaluate,
  )
    .option('--adapter <folder>', 'an adapter folder')
    .option('--reference <file>', "instead: hold every activation and gradient against another implementation's");
  verb(program, 'predict', 'labels for pictures, or logits for tensors', ['model', 'pictures'], async () => {
    const { predict } = await import('./commands/predict.ts');
    return (args, output, pictures) => predict(args, pictures, output);
  })
    .argument('[pictures...]', 'files, or folders of them')
    .option('--adapter <folder>', 'an adapter folder')
    .option('--bare', 'without the adapter')
    .option('--tensors <file>', 'a safetensors file with images, float32 NCHW')
    .option('--batch <n>', 'pictures in a batch', number)
    .option('--top <n>', 'classes shown for each picture', number);
  verb(program, 'info', 'what an adapter folder, a weights file or a backbone holds', ['model', 'method'], async () => {
    const { info } = await import('./commands/info.ts');
    return (args, output, [path]) => info(args, path, output);
  })
    .argument('[path]', 'an adapter folder or a safetensors file')
    .option('--method <method>', "count this method's parameters on the backbone");
  verb(
    program,
    'merge',
    'fold adapters into the base weights',
    ['model'],
    async () => (await import('./commands/merge.ts')).merge,
  )
    .option('--adapter <folder>', 'an adapter folder')
    .option(
      '--calibrate <data>',
      "freeze Lily's routing at its mean over these pictures, which is lossy, so that it merges",
    )
    .option('--split <split>', 'the split of those pictures; train unless given')
    .option('--batch <n>', 'pictures in a batch', number);
  verb(
    program,
    'compare',
    'several methods on one data set under one budget',
    ['model', 'data', 'pictures', 'method', 'training'],
    async () => (await import('./commands/compare.ts')).compare,
  )
    .option('--methods <list>', 'methods, with commas between', (text: string) => text.split(','))
    .option('--seeds <n>', 'runs of each method, with seeds that follow one another', number)
    .option('--report <file>', 'the HTML report', 'peft-report.html');
  verb(
    program,
    'export',
    'the adapted model as ONNX',
    ['model'],
    async () => (await import('./commands/export.ts')).exportModel,
  )
    .option('--adapter <folder>', 'an adapter folder')
    .option('--format <format>', 'onnx')
    .option('--keep-adapters', 'beside the base weights, not folded into them');
  verb(
    program,
    'bench',
    'time a training step and a forward pass on random pictures',
    ['model', 'method'],
    async () => (await import('./commands/bench.ts')).bench,
  )
    .option('--method <method>', 'a method, as for train')
    .option('--batch <n>', 'pictures in a batch', number)
    .option('--runs <n>', 'timed runs of each', number)
    .option('--drop-path <rate>', 'stochastic depth at the last block', number);
  verb(program, 'methods', 'the methods, or what --set takes for one of them', [], async () => {
    const { methods } = await import('./commands/methods.ts');
    return async (_, output, [name]) => methods(name, output);
  }).argument('[name]', 'a method');
  verb(
    program,
    'demo',
    'the main job on what is embedded',
    ['training'],
    async () => (await import('./commands/demo.ts')).demo,
  ).option('--report <file>', 'the HTML report', 'peft-report.html');
  return program;
}
