import { type MethodEntry, type MethodOption, methodEntry, methodOptions, methodRegistry } from '@peft/run';
import { Help } from 'commander';
import type { Output } from '../output/output.ts';
import { table } from '../output/table.ts';

/** Lists the methods, or one of them with its options. */
export function methods(name: string | undefined, output: Output): void {
  if (name === undefined) listMethods(output);
  else describeMethod(name, methodEntry(name), output);
}

function listMethods(output: Output): void {
  const rows = Object.entries(methodRegistry).map(([name, { summary, paper }]) => ({ name, summary, paper }));
  const text = table(
    ['method', 'what it does', 'paper'],
    rows.map(({ name, summary, paper = '' }) => [name, summary, paper]),
  );
  output.answer(`${text}\n\nThe options of one: peft methods NAME`, { methods: rows });
}

function describeMethod(name: string, entry: MethodEntry, output: Output): void {
  const { summary, paper, lr } = entry;
  const options = methodOptions(entry);
  const source = paper ? ` (${paper})` : '';
  const text = `${name}: ${summary}${source}\nlearning rate: ${lr}, unless --lr is given\n\n--set takes:\n${optionLines(options)}`;
  output.answer(text, { name, summary, paper, lr, options });
}

const width = (): number => process.stdout.columns ?? 100;

/** Formats options as the help of a command is: one paragraph each, wrapped and aligned. */
export function optionLines(options: readonly MethodOption[]): string {
  const help = new Help();
  help.prepareContext({ helpWidth: width() });
  const longest = Math.max(...options.map(({ name }) => name.length));
  return options
    .map(({ name, description, expected, defaultInWords }) =>
      help.formatItem(name, longest, `${description} (${expected}; default: ${defaultInWords})`, help),
    )
    .join('\n');
}
