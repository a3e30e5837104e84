import { rmSync } from 'node:fs';
import { configure, option, value } from '@peft/core/method';
import { lora } from '@peft/lora';
import { type MethodOption, makeMethod, methodOptions, methodRegistry } from '@peft/run';
import { afterAll, describe, expect, test } from 'vitest';
import { optionLines } from '../src/commands/methods.ts';
import { Scratch } from './peft.ts';

const scratch = new Scratch();
afterAll(() => rmSync(scratch.folder, { recursive: true }));

interface Described {
  options: MethodOption[];
}

const optionOf = ({ options }: Described, name: string): MethodOption | undefined =>
  options.find(option => option.name === name);

describe('peft methods', () => {
  test('lists the methods, each with a line and its paper', async () => {
    const { stdout } = await scratch.peft('methods');
    expect(stdout).toMatch(/^lora +adds a trained low-rank update .* arXiv 2106\.09685$/m);
    const { methods } = await scratch.json<{ methods: { name: string }[] }>('methods');
    expect(methods.map(({ name }) => name)).toEqual(Object.keys(methodRegistry));
  });

  test.each(Object.keys(methodRegistry))('describes every option of %s, which takes each default as it is', name => {
    const options = methodOptions(methodRegistry[name]);
    const own = Object.keys(methodRegistry[name].factory.options ?? {});
    expect(options.map(option => option.name).filter(option => option !== 'base')).toEqual(own);
    const { modulesToSave = ['head'], ...defaults } = Object.fromEntries(
      options.flatMap(option => (option.default === undefined ? [] : [[option.name, option.default]])),
    );
    const method = makeMethod({ method: name }, ['head']);
    expect(method.modulesToSave).toEqual(modulesToSave);
    const inner = { ...method.base?.config, ...method.config };
    for (const [option, otherwise] of Object.entries(defaults)) expect(inner).toHaveProperty([option], otherwise);
  });

  test("shows the command line's own defaults, not the package's", async () => {
    const described = await scratch.json<Described>('methods', 'lora');
    expect(optionOf(described, 'alpha')).toMatchObject({ default: 16, schema: { type: 'number' } });
    expect(optionOf(described, 'targets')).toMatchObject({ defaultInWords: "the backbone's queries and values" });
    expect(optionOf(described, 'modulesToSave')).toMatchObject({
      defaultInWords: "the backbone's classification heads",
    });
    expect(lora.options?.alpha.default).toBe(8);
  });

  test('is told the closest name', async () => {
    const { status, stderr } = await scratch.peft('methods', 'lroa');
    expect(stderr).toContain('There is no method "lroa"; closest: lora.');
    expect(status).toBe(1);
  });
});

describe('an option that is added to a method in one place', () => {
  const options = { ...lora.options, sharpness: option('How sharp it is.', value.integer({ min: 1, max: 9 }), 3) };
  const factory = Object.assign(
    ({ sharpness, ...given }: { sharpness?: number; targets: string[] }) => {
      configure('lora', options, { ...given, sharpness });
      return lora(given);
    },
    { type: 'lora', options },
  );
  const trial = { ...methodRegistry, lora: { ...methodRegistry.lora, factory } };
  const make = (set: Record<string, number>): unknown => makeMethod({ method: 'lora', set }, ['head'], trial);

  test('is in the help of the method', () => {
    expect(optionLines(methodOptions(trial.lora))).toMatch(
      /^ +sharpness +How sharp it is\. \(an integer from 1 to 9; default: 3\)$/m,
    );
  });

  test('is taken, and named in the error for a typo and for a wrong value', () => {
    expect(() => make({ sharpness: 9 })).not.toThrow();
    expect(() => make({ sharpnes: 9 })).toThrow('lora has no option "sharpnes"; closest: sharpness.');
    expect(() => make({ sharpness: 10 })).toThrow('sharpness is 10; it must be an integer from 1 to 9.');
  });
});
