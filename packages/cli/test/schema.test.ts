import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { option, value } from '@peft/core/method';
import { lora } from '@peft/lora';
import { makeMethod, methodRegistry } from '@peft/run';
import { Ajv } from 'ajv';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { DescribedArgument } from '../src/argument.ts';
import { described } from '../src/argument-list.ts';
import { readArguments } from '../src/arguments.ts';
import { configSchema } from '../src/config-schema.ts';
import { makeProgram } from '../src/program.ts';
import { Scratch } from './peft.ts';

const scratch = new Scratch();
afterAll(() => rmSync(scratch.folder, { recursive: true }));

const isValid = (schema = configSchema()) => new Ajv().compile(schema);

describe('the schema of configuration files', () => {
  test('is what peft schema prints', async () => {
    const { stdout, status } = await scratch.peft('schema');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual(configSchema());
  });

  test('has every argument, each with its sentence', () => {
    const { properties } = configSchema() as unknown as { properties: Record<string, { description: string }> };
    expect(Object.keys(properties).sort()).toEqual(Object.keys(described).sort());
    for (const { description } of Object.values(properties)) expect(description).not.toBe('');
  });

  const accepted: [string, object][] = [
    ['nothing', {}],
    ['its own address', { $schema: './peft.schema.json' }],
    ['a recipe', { method: 'lora', lr: 1e-3, dropPath: 0, resume: 'force', cacheFeatures: true, targets: 'attn' }],
    ['settings of a method', { method: 'heat', set: { ratio: 0.5, base: 'lora' } }],
    ['settings as flags have them', { method: 'heat', set: ['ratio=0.5'] }],
    ['settings of a method that is chosen by a flag', { set: { pairs: 1 } }],
    ['settings of each', { methods: ['lora', 'neat'], each: { lora: { set: { r: 2 } }, neat: { lr: 1 } } }],
  ];
  test.each(accepted)('takes %s, as the command line does', async (_, config) => {
    expect(isValid()(config)).toBe(true);
    await expect(readArguments({ ...config })).resolves.toBeDefined();
  });

  const refused: [string, object][] = [
    ['a typo', { epoch: 3 }],
    ['a wrong type', { epochs: '3' }],
    ['a rate of 1', { dropPath: 1 }],
    ['a learning rate of 0', { lr: 0 }],
    ['a seed below 0', { seed: -1 }],
    ['another word', { engine: 'gpu' }],
    ['a typo in each', { each: { lora: { learningRate: 1 } } }],
  ];
  test.each(refused)('refuses %s, as the command line does', async (_, config) => {
    expect(isValid()(config)).toBe(false);
    await expect(readArguments({ ...config })).rejects.toThrow();
  });

  test.each<[string, object, string]>([
    ['a typo', { epoch: 3 }, 'There is no argument --epoch; closest: --epochs.'],
    ['a wrong type', { epochs: '3' }, '--epochs is "3"; it must be an integer of 1 or more.'],
    [
      'a word',
      { schedule: 'cosin' },
      '--schedule is "cosin"; it must be one of constant, cosine, linear, timm-0.4.12.',
    ],
    ['a seed that is no longer exact', { seed: 2 ** 60 }, 'it must be an integer from 0 to 9,007,199,254,740,991.'],
    ['what one method is given', { each: { lora: { lr: -1 } } }, '--each lora.lr is -1; it must be a number above 0.'],
  ])('the error for %s says what was found and what it must be', async (_, config, message) => {
    expect(isValid()(config)).toBe(false);
    await expect(readArguments({ ...config })).rejects.toThrow(message);
  });

  test('tells all errors at once', async () => {
    await expect(readArguments({ epochs: 0, lr: 'fast' })).rejects.toThrow(/--epochs is 0; .*\n--lr is "fast"; /);
  });

  test.each<[string, object]>([
    ['an option of another method', { method: 'lora', set: { pairs: 1 } }],
    ['a value out of range', { method: 'lora', set: { r: 0 } }],
    ['an option of another method in each', { each: { lora: { set: { pairs: 1 } } } }],
    ['a method that there is not', { method: 'lroa' }],
  ])('refuses %s, which the method itself would refuse later', (_, config) => {
    expect(isValid()(config)).toBe(false);
  });

  test('takes the example of the README, and so does the method', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    const config = parse(readme.match(/```yaml\n(.*?)```/s)?.[1] ?? '');
    expect(isValid()(config)).toBe(true);
    expect(makeMethod(config, ['head']).config).toMatchObject(config.set);
  });

  test('has an option that is added to a method in one place', () => {
    const options = { ...lora.options, sharpness: option('How sharp it is.', value.integer({ min: 1, max: 9 }), 3) };
    const factory = Object.assign(lora.bind(undefined), { type: 'lora', options });
    const schema = configSchema({ ...methodRegistry, lora: { ...methodRegistry.lora, factory } });
    expect(schema).toMatchObject({
      definitions: {
        lora: {
          properties: {
            sharpness: { description: 'How sharp it is.', type: 'integer', minimum: 1, maximum: 9, default: 3 },
          },
        },
      },
    });
    expect(isValid(schema)({ method: 'lora', set: { sharpness: 9 } })).toBe(true);
    expect(isValid(schema)({ method: 'lora', set: { sharpness: 10 } })).toBe(false);
  });
});

describe('the description of arguments', () => {
  const commands = makeProgram().commands;

  test('names the commands that there are', () => {
    const named = new Set(Object.values<DescribedArgument>(described).flatMap(({ takenBy }) => takenBy));
    expect([...named].sort()).toEqual(commands.map(command => command.name()).sort());
  });

  test.each(commands.map(command => [command.name(), command] as const))('has every flag of %s', (_, command) => {
    const flags = command.options.map(flag => flag.attributeName()).filter(name => name !== 'config');
    expect(flags.filter(name => !Object.hasOwn(described, name))).toEqual([]);
  });

  test('leaves what a flag does not say to the configuration file', async () => {
    writeFileSync(scratch.at('peft.yaml'), 'method: lora\nshuffle: false\nseed: 7\nreport: mine.html\n');
    const args = await readArguments({ config: scratch.at('peft.yaml'), seed: 8 });
    expect(args).toMatchObject({ method: 'lora', shuffle: false, seed: 8, report: 'mine.html' });
  });
});
