import { Command, Option } from 'commander';
import type { DescribedArgument } from './argument.ts';
import { described } from './argument-list.ts';
import { type Arguments, flagOf, readArguments } from './arguments.ts';
import { Output } from './output/output.ts';

type Action = (args: Arguments, output: Output, positional: string[]) => void | Promise<void>;

const collect = (value: string, previous: string[] = []): string[] => [...previous, value];
/** The text as a number; the text itself if it is none, for the check to refuse. */
const number = (text: string): number | string =>
  text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);

/** The help of an argument: its description, whether its flag may be repeated, and its default. */
function helpOf({ kind, help }: DescribedArgument, otherwise: unknown): string {
  const repeatable = kind === 'texts' ? ' (repeatable)' : '';
  const isShown = typeof otherwise === 'number' || typeof otherwise === 'string';
  return `${help}${repeatable}${isShown ? ` (default: ${otherwise})` : ''}`;
}

/** The flag of an argument. */
function optionOf(name: string, argument: DescribedArgument): Option {
  const { kind, default: otherwise, placeholder = '' } = argument;
  const flag = kind === 'switch' && otherwise === true ? `--no-${flagOf(name).slice(2)}` : flagOf(name);
  const option = new Option(`${flag} ${placeholder}`.trim(), helpOf(argument, otherwise));
  if (kind === 'number') option.argParser(number);
  if (kind === 'texts') option.argParser(collect);
  return option;
}

/** The given flags of one command by argument. */
const givenFlags = (command: Command): Record<string, unknown> =>
  Object.fromEntries(Object.entries(command.opts()).filter(([name]) => command.getOptionValueSource(name) === 'cli'));

function verb(program: Command, name: string, description: string, action: () => Promise<Action>): Command {
  const command = program.command(name).description(description);
  const taken = Object.entries<DescribedArgument>(described).filter(([, { takenBy }]) => takenBy.includes(name));
  for (const [argument, entry] of taken) if (entry.kind !== 'config') command.addOption(optionOf(argument, entry));
  if (described.out.takenBy.includes(name))
    command.option('--config <file>', 'a JSON or YAML file of any of these arguments, overridden by flags');
  return command.action(async () => {
    const args = await readArguments(givenFlags(command));
    await (await action())(args, new Output(args), command.args);
  });
}

/** The command line. The code of a verb is loaded when it is called. */
export function makeProgram(): Command {
  const program = new Command('peft').description(
    'Fine-tune vision transformers with adapters, from the command line.',
  );
  program.exitOverride().showHelpAfterError();
  verb(
    program,
    'train',
    'train, evaluate and save an adapter',
    async () => (await import('./commands/train.ts')).train,
  );
  verb(
    program,
    'eval',
    'accuracy of an adapter or of a bare backbone',
    async () => (await import('./commands/eval.ts')).evaluate,
  );
  verb(program, 'predict', 'labels for pictures, or logits for tensors', async () => {
    const { predict } = await import('./commands/predict.ts');
    return (args, output, pictures) => predict(args, pictures, output);
  }).argument('[pictures...]', 'files, or folders of them');
  verb(
    program,
    'info',
    'what an adapter folder, a weights file or a backbone holds, and what --method would add to it',
    async () => {
      const { info } = await import('./commands/info.ts');
      return (args, output, [path]) => info(args, path, output);
    },
  ).argument('[path]', 'an adapter folder, a safetensors file, or a report of compare');
  verb(
    program,
    'merge',
    'fold adapters into the base weights',
    async () => (await import('./commands/merge.ts')).merge,
  );
  verb(
    program,
    'quantize',
    'write the weights of a backbone in 8 or 4 bits',
    async () => (await import('./commands/quantize.ts')).quantize,
  );
  verb(
    program,
    'compare',
    'several methods on one data set under one budget',
    async () => (await import('./commands/compare.ts')).compare,
  );
  verb(program, 'few-shot', 'few pictures of each class: methods on fine-grained data sets, as tables', async () => {
    const { fewShot } = await import('./commands/few-shot.ts');
    return (args, output, [root]) => fewShot(args, root, output);
  }).argument('[root]', 'the folder that holds the data sets');
  verb(program, 'vtab', 'the protocol of VTAB-1K: methods on its tasks, as tables', async () => {
    const { vtab } = await import('./commands/vtab.ts');
    return (args, output, [root]) => vtab(args, root, output);
  }).argument('[root]', 'the folder that holds the tasks');
  verb(program, 'sweep', 'search recipes: trials of a sweep file, over seeds, in worker processes', async () => {
    const { sweep } = await import('./commands/sweep.ts');
    return (args, output, [path]) => sweep(args, path, output);
  }).argument('[file]', 'the sweep file; with --wish, the folder of a sweep');
  verb(program, 'worker', 'a further worker for a sweep', async () => {
    const { worker } = await import('./commands/worker.ts');
    return (args, output, [address]) => worker(args, address, output);
  }).argument('[address]', 'the folder of the sweep, or its queue redis://HOST; PEFT_QUEUE unless given');
  verb(program, 'export', 'the adapted model as ONNX', async () => (await import('./commands/export.ts')).exportModel);
  verb(
    program,
    'bench',
    'time a training step and a forward pass on random pictures',
    async () => (await import('./commands/bench.ts')).bench,
  );
  verb(program, 'methods', 'the methods, or what --set takes for one of them', async () => {
    const { methods } = await import('./commands/methods.ts');
    return (_, output, [name]) => methods(name, output);
  }).argument('[name]', 'a method');
  verb(program, 'schema', 'the JSON Schema of --config files, for editors', async () => {
    const { schema } = await import('./commands/schema.ts');
    return (_, output) => schema(output);
  });
  verb(
    program,
    'studio',
    'fine-tune in a page of the browser, served to this machine alone',
    async () => (await import('./commands/studio.ts')).studio,
  );
  verb(program, 'demo', 'the main job on what is embedded', async () => (await import('./commands/demo.ts')).demo);
  return program;
}
