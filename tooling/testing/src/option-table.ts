import type { Option, Options } from '@peft/core';

function defaultOf({ default: otherwise, required }: Option): string {
  if (required) return 'must be given';
  if (otherwise === undefined) return 'none';
  return `\`${JSON.stringify(otherwise).replaceAll('","', '", "').replaceAll('"', "'")}\``;
}

const header = ['option', 'default', 'what it may be', 'what it does'];

/** The options of a method as the rows of its README's table. */
export const optionRows = (options: Options): string[][] => [
  header,
  ...Object.entries(options).map(([name, option]) => [
    `\`${name}\``,
    defaultOf(option),
    option.value.expected,
    option.description,
  ]),
];

const cellsOf = (line: string): string[] =>
  line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map(cell => cell.trim().replaceAll('\\|', '|'));

/** The rows of a README's table of options. */
export function tableRows(readme: string): string[][] {
  const [table = ''] = readme.match(/^\| option .*\n(?:\|.*\n)*/m) ?? [];
  return table
    .trim()
    .split('\n')
    .map(cellsOf)
    .filter(([first]) => !/^-+$/.test(first));
}
