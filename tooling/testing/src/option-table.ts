import type { Option, Options } from '@peft/core';

const plain = (text: string): string => text.replaceAll('|', '\\|');

function defaultOf({ default: otherwise, required }: Option): string {
  if (required) return 'must be given';
  if (otherwise === undefined) return 'none';
  return `\`${JSON.stringify(otherwise).replaceAll('","', '", "').replaceAll('"', "'")}\``;
}

/** The options of a method as the table of its README. */
export const optionTable = (options: Options): string =>
  [
    '| option | default | what it may be | what it does |',
    '| --- | --- | --- | --- |',
    ...Object.entries(options).map(([name, described]) => {
      const { value, description } = described;
      return `| \`${name}\` | ${defaultOf(described)} | ${plain(value.expected)} | ${plain(description)} |`;
    }),
  ].join('\n');
