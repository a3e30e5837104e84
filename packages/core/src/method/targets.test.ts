import { readFileSync } from 'node:fs';
import type * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { bindPaths, Linear, Module, PeftError, type TargetOptions } from '../index.ts';
import { patternValue, resolveTargets, weightOf } from '../method/index.ts';

/** What Python peft answered: scripts/fixtures.py. */
interface Fixture {
  models: Record<string, { paths: string[]; linear: number[] }>;
  configs: { config: PeftConfig; matches: Record<string, number[]> }[];
  patterns: { pattern: Record<string, number>; values: Record<string, number[]> }[];
}

interface PeftConfig {
  target_modules: string | string[];
  exclude_modules?: string | string[];
  layers_to_transform?: number | number[];
  layers_pattern?: string | string[];
  modules_to_save?: string[];
}

const fixture: Fixture = JSON.parse(readFileSync(new URL('../../test/fixtures/targets.json', import.meta.url), 'utf8'));

class Container extends Module {
  forward(): never {
    throw new Error('only its names are of interest');
  }
}

/** Modules at the given paths; `isLinear` tells which of them are linear. */
function tree(paths: string[], isLinear: (path: string) => boolean): Module {
  const root = new Container();
  const byPath = new Map<string, Module>([['', root]]);
  for (const path of paths) {
    const dot = path.lastIndexOf('.');
    const parent = byPath.get(path.slice(0, Math.max(dot, 0)));
    const module = isLinear(path) ? new Linear(1, 1) : new Container();
    Object.assign(parent ?? root, { [path.slice(dot + 1)]: module });
    byPath.set(path, module);
  }
  return root;
}

const optionsOf = (config: PeftConfig): TargetOptions => ({
  targets: config.target_modules,
  exclude: config.exclude_modules,
  layers: config.layers_to_transform,
  layersPattern: config.layers_pattern,
});

/** The paths that match, none where nothing does. */
function matches(root: Module, config: PeftConfig): string[] {
  try {
    const options = { skipped: config.modules_to_save, strict: false };
    return resolveTargets(root, optionsOf(config), options).map(({ path }) => path);
  } catch (error) {
    if (error instanceof PeftError && error.code === 'no-match') return [];
    throw error;
  }
}

// Names are matched on the host, whatever the backend.
describe.runIf(process.env.PEFT_BACKEND === 'cpu')('targets are those of Python peft', () => {
  describe.each(Object.entries(fixture.models))('%s', (name, { paths, linear }) => {
    const linears = new Set(linear.map(i => paths[i]));
    const onlyLinears = tree(paths, path => linears.has(path));
    const everything = tree(paths, () => true); // peft matches names before it looks at types

    test.each(fixture.configs)('$config', ({ config, matches: expected }) => {
      const isAll = String(config.target_modules).toLowerCase() === 'all-linear';
      const found = matches(isAll ? onlyLinears : everything, config);
      expect(found.sort()).toEqual(expected[name].map(i => paths[i]).sort());
    });

    test.each(fixture.patterns)('$pattern', ({ pattern, values }) => {
      expect(paths.map(path => patternValue<number>(pattern, path, 0))).toEqual(values[name]);
    });
  });
});

describe.runIf(process.env.PEFT_BACKEND === 'cpu')('targets of our own', () => {
  const slices = { q: { start: 0, end: 2 }, v: { start: 4, end: 6 } };
  const root = Object.assign(
    tree(['a', 'a.norm', 'a.fc', 'head'], path => path !== 'a' && path !== 'a.norm'),
    {
      qkv: new Linear(3, 6, { slices }),
    },
  );

  test('slices become targets of their own, in the order they are named', () => {
    const targets = resolveTargets(root, { targets: ['qkv[v, q]', 'fc'] });
    expect(targets.map(({ id, outFeatures }) => [id, outFeatures])).toEqual([
      ['a.fc', 1],
      ['qkv[v]', 2],
      ['qkv[q]', 2],
    ]);
  });

  const widths = { inFeatures: 3, outFeatures: 5 };

  test('layers and their pattern must be there', () => {
    const deep = tree(['blocks', 'blocks.0', 'blocks.0.fc', 'blocks.1', 'blocks.1.fc'], path => path.endsWith('fc'));
    const targets = ['blocks.0.fc', 'fc'];
    const pathsOf = (options: Partial<TargetOptions>): string[] =>
      resolveTargets(deep, { targets, ...options }).map(({ path }) => path);
    expect(pathsOf({ layers: 1, layersPattern: 'blocks' })).toEqual(['blocks.0.fc', 'blocks.1.fc']);
    expect(() => pathsOf({ layers: [1, 2], layersPattern: 'blocks' })).toThrow(
      'layers: there is no layer 2 in Container; there are 0, 1.',
    );
    expect(() => pathsOf({ layers: 1 })).toThrow('paths here have none: name them in layersPattern.');
    expect(() => pathsOf({ layers: 1, layersPattern: ['blocks', 'layer'] })).toThrow(
      'layersPattern: No module matches "layer"',
    );
  });

  test('all-linear leaves the classifier alone', () => {
    const model = Object.assign(
      tree(['fc', 'head'], () => true),
      { classifiers: ['head'] },
    );
    expect(resolveTargets(model, { targets: 'all-linear' }).map(({ path }) => path)).toEqual(['fc']);
  });

  test('a block that tells its widths is a target for methods that take blocks', () => {
    const model = bindPaths(Object.assign(new Container(), { mlp: Object.assign(new Container(), widths) }));
    expect(() => resolveTargets(model, { targets: ['mlp'] })).toThrow(
      'matches mlp, a Container; only linear modules can',
    );
    const [target] = resolveTargets(model, { targets: ['mlp'] }, { blocks: true });
    expect(target).toMatchObject({ id: 'mlp', slice: undefined, ...widths });
    expect(() => weightOf(target.module)).toThrow('mlp, a Container, is a block: it has no weight of its own.');
  });

  test.each<[string, string, TargetOptions, string | RegExp]>([
    ['a name that nothing has', 'no-match', { targets: ['fc', 'qvk'] }, /"qvk" in Container \(3 linear.*closest: qkv/],
    ['the empty list', 'no-match', { targets: [] }, 'targets is an empty list'],
    ['a slice that is not there', 'no-match', { targets: ['qkv[x]'] }, 'qkv has no slice "x"; it has q, v.'],
    ['a slice of a plain module', 'no-match', { targets: ['fc[q]'] }, 'it is not a fused projection'],
    ['a module that is not linear', 'not-supported', { targets: ['norm'] }, 'matches a.norm, a Container; only linear'],
    ['a broken expression', 'bad-config', { targets: 'a.(fc' }, '"a.(fc" is not a regular expression'],
    [
      'an exclusion that nothing has',
      'no-match',
      { targets: ['fc'], exclude: ['nrom'] },
      'exclude: No module matches "nrom"',
    ],
    [
      'an expression that excludes nothing',
      'no-match',
      { targets: ['fc'], exclude: 'x.*' },
      'exclude: No module matches',
    ],
    [
      'a layer that is not there',
      'no-match',
      { targets: ['fc'], layers: [3] },
      'layers: there is no layer 3 in Container',
    ],
    ['a pattern without layers', 'bad-config', { targets: ['fc'], layersPattern: 'a' }, 'without effect unless layers'],
    ['layers for an expression', 'bad-config', { targets: '.*fc', layers: 0 }, 'unless targets are a list of names'],
    ['a broken exclusion', 'bad-config', { targets: ['fc'], exclude: '*' }, '"*" is not a regular expression'],
  ])('%s is refused as %s', (_, code, options, message) => {
    const attempt = (): unknown => resolveTargets(root, options);
    expect(attempt).toThrow(PeftError);
    expect(attempt).toThrow(expect.objectContaining({ code }));
    expect(attempt).toThrow(message);
  });

  test('a target that is trained whole is refused with the reason', () => {
    const attempt = (targets: TargetOptions['targets']) => () => resolveTargets(root, { targets }, { skipped: ['a'] });
    expect(attempt(['a.fc'])).toThrow(expect.objectContaining({ code: 'no-match' }));
    for (const targets of [['a.fc'], 'a\\.fc'])
      expect(attempt(targets)).toThrow('The targets match only "a.fc", which modulesToSave trains whole');
  });

  test('a table of patterns names a broken one as it was written', () => {
    expect(() => patternValue({ fc: 1, 'q(': 2 }, 'a.fc', 0)).toThrow('"q(" is not a regular expression');
    expect(() => patternValue({ 'q)(': 2 }, 'a.fc', 0)).toThrow('"q)(" is not a regular expression');
  });
});

describe('what a target is to its layer', () => {
  class Attention extends Module {
    readonly q_proj = new Linear(4, 8, { heads: 2 });
    readonly value = new Linear(4, 8);
    readonly mixed = new Linear(4, 8, { role: 'key' });
    readonly fused = new Linear(4, 8, {
      heads: 2,
      slices: { k: { start: 0, end: 4 }, first: { start: 4, end: 8, role: 'query' } },
    });
    readonly proj = new Linear(8, 4);
    forward(x: tf.Tensor): tf.Tensor {
      return x;
    }
  }

  class Root extends Module {
    readonly blocks = [new Attention(), new Attention()];
    readonly query = new Linear(4, 4);
    forward(x: tf.Tensor): tf.Tensor {
      return x;
    }
  }

  test('is told by its module or slice, and else by the usual names', () => {
    const targets = ['q_proj', 'value', 'mixed', 'fused[k,first]', 'proj', 'query'];
    const found = resolveTargets(bindPaths(new Root()), { targets }).map(
      ({ id, layer, kind, role, heads }) => [id, layer, kind, role, heads] as const,
    );
    expect(found.slice(6)).toEqual([
      ['blocks.1.q_proj', 'blocks.1', 'q_proj', 'query', 2],
      ['blocks.1.value', 'blocks.1', 'value', 'value', undefined],
      ['blocks.1.mixed', 'blocks.1', 'mixed', 'key', undefined],
      ['blocks.1.fused[k]', 'blocks.1', 'fused[k]', 'key', 2],
      ['blocks.1.fused[first]', 'blocks.1', 'fused[first]', 'query', 2],
      ['blocks.1.proj', 'blocks.1', 'proj', undefined, undefined],
      ['query', '', 'query', 'query', undefined],
    ]);
  });

  test('is the same in all layers that are alike, however it is addressed', () => {
    const kinds = (targets: TargetOptions['targets']): Set<string> =>
      new Set(resolveTargets(bindPaths(new Root()), { targets }).map(({ kind }) => kind));
    expect(kinds(['blocks.0.proj', 'blocks.1.proj'])).toEqual(new Set(['blocks.proj']));
    expect(kinds('all-linear').size).toBe(6);
    expect(kinds(String.raw`blocks\.\d\.proj`)).toEqual(new Set(['proj']));
  });
});
