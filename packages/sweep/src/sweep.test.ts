import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { entryFor } from '../test/entries.ts';
import { defineSweep, hashOf, markdownTable, planOf, rowsOf, runId, type SweepEntry, trialsOf } from './index.ts';

const recipe = { backbone: 'pico-vit', data: 'mnist', epochs: 9 };
const lrs = { min: 1e-4, max: 1e-1, scale: 'log' };

const problemOf = (file: object): string => {
  try {
    defineSweep(file);
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing is wrong';
};

describe('a sweep file is refused by name, with what is allowed', () => {
  test.each<[string, object, RegExp]>([
    ['an unknown field', { recipe, space: {}, sede: [1] }, /^sweep has no option "sede"; closest: seeds\.$/],
    ['no space', { recipe }, /^sweep: space is missing/],
    [
      'a typo in a recipe',
      { recipe: { ...recipe, epoch: 3 }, space: {} },
      /recipe has no option "epoch"; closest: epochs/,
    ],
    ['a typo in the space', { recipe, space: { lrr: [1] } }, /sweep: space has no field "lrr"; closest: lr\./],
    [
      'a typo in an option',
      { recipe, space: { 'set.rr': [1] } },
      /^sweep: space: lora has no option "rr"; closest: r\.$/,
    ],
    [
      'an option that one method lacks',
      { recipe, space: { method: ['lora', 'lily'], 'set.useDora': [true] } },
      /lily has no option "useDora"/,
    ],
    [
      'a value out of range',
      { recipe, space: { lr: [1e-3, -1] } },
      /^sweep: space: lr is -1; it must be a number above 0\.$/,
    ],
    [
      'an end out of range',
      { recipe, search: { kind: 'random', n: 3 }, space: { 'set.r': { min: 0, max: 8, integer: true } } },
      /^sweep: space: lora: r is 0; it must be an integer of 1 or more\.$/,
    ],
    [
      'no such choice',
      { recipe, space: { schedule: ['cosin'] } },
      /schedule is "cosin"; it must be one of constant, cosine/,
    ],
    ['no such method', { recipe, space: { method: ['lara'] } }, /There is no method "lara"; closest: lora/],
    ['a range in a grid', { recipe, space: { lr: lrs } }, /space: lr is a range; a grid takes lists of values/],
    [
      'a range from 0 on a log scale',
      { recipe, search: { kind: 'random', n: 3 }, space: { lr: { ...lrs, min: 0 } } },
      /min is 0; a logarithmic range/,
    ],
    [
      'a range backwards',
      { recipe, search: { kind: 'random', n: 3 }, space: { lr: { min: 1, max: 0.1 } } },
      /min must be less/,
    ],
    ['a fixed value', { recipe, space: { lr: 1e-3 } }, /space: lr is 0\.001; it must be a list of values or a range/],
    ['a seed in the space', { recipe, space: { seed: [1, 2] } }, /seed cannot vary/],
    [
      'a seed in the recipe',
      { recipe: { ...recipe, seed: 1 }, space: {} },
      /recipe has seed; give it as seeds of the sweep/,
    ],
    ['the test split', { recipe, space: {}, evalSplit: 'testing' }, /the test split stays unseen/],
    [
      'training on the test split',
      { recipe: { ...recipe, split: 'test' }, space: {} },
      /recipe\.split is test; .* unseen/,
    ],
    [
      'choosing epochs on the test split',
      { recipe: { ...recipe, valSplit: 'Testing', keepBest: true }, space: {} },
      /recipe\.valSplit is Testing; .* unseen/,
    ],
    ['the training split', { recipe, space: {}, evalSplit: 'train' }, /which is trained on/],
    [
      'no kind of search',
      { recipe, space: {}, search: { kind: 'bayes' } },
      /kind is "bayes"; it must be one of grid, random, asha/,
    ],
    ['a search without a number', { recipe, space: {}, search: { kind: 'random' } }, /search \(random\): n is missing/],
    ['seeds twice', { recipe, space: {}, seeds: [1, 1] }, /seeds has one twice/],
  ])('%s', (_, file, message) => {
    expect(problemOf(file)).toMatch(message);
  });
});

describe('a trial is refused before anything runs', () => {
  test('where a value that is drawn inside a range cannot be', () => {
    const space = { 'set.r': { min: 1, max: 8 } };
    const sweep = defineSweep({ recipe, space, search: { kind: 'random', n: 3 } });
    expect(() => planOf(sweep)).toThrow(/lora: r is \d\.\d+; it must be an integer of 1 or more/);
  });

  test.each([
    ['epochs', { epochs: [3, 9] }, '3 epochs, 9 epochs'],
    ['steps', { steps: [10, 20] }, '10 steps, 20 steps'],
    ['presets', { preset: ['vtab1k', 'neat-image'] }, '10 epochs, 100 epochs'],
  ])('where asha is to halve trials of unequal %s', (_, space, lengths) => {
    const { epochs: __, ...others } = recipe;
    const sweep = defineSweep({ recipe: others, space, search: { kind: 'asha', n: 9, min: 1 } });
    expect(() => planOf(sweep)).toThrow(`trials are ${lengths} long; asha decides how long each trains`);
  });
});

describe('the trials', () => {
  test('of a grid have the same numbers in whatever order its fields are', () => {
    const space = { lr: [1e-3, 1e-2], batch: [8, 16], method: ['lora', 'neat'] };
    const [one, other] = [space, Object.fromEntries(Object.entries(space).reverse())].map(fields =>
      defineSweep({ recipe, space: fields }),
    );
    expect(other!.id).toBe(one!.id);
    expect(trialsOf(other!)).toEqual(trialsOf(one!));
  });

  test('of a grid are all combinations', () => {
    const sweep = defineSweep({ recipe, space: { method: ['lora', 'neat'], 'set.r': [2, 4] } });
    expect(trialsOf(sweep).map(({ settings }) => Object.values(settings))).toEqual([
      ['lora', 2],
      ['lora', 4],
      ['neat', 2],
      ['neat', 4],
    ]);
  });

  test('of several spaces are joined, each once', () => {
    const space = [{ method: ['lora'], 'set.alpha': [8, 16] }, { method: ['lily', 'lora'] }];
    const trials = trialsOf(defineSweep({ recipe, space }));
    expect(trials.map(({ settings }) => settings)).toEqual([
      { method: 'lora', 'set.alpha': 8 },
      { method: 'lora', 'set.alpha': 16 },
      { method: 'lily' },
      { method: 'lora' },
    ]);
  });

  test('that are drawn stay in their ranges, and depend on neither more draws nor more fields', () => {
    const range = fc.record({
      min: fc.integer({ min: 1, max: 50 }),
      span: fc.integer({ min: 1, max: 50 }),
      scale: fc.constantFrom('linear', 'log'),
      integer: fc.boolean(),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(range, ({ min, span, scale, integer, seed }) => {
        const batch = { min, max: min + span, scale, integer: true };
        const lr = { min: min / 100, max: (min + span) / 100, scale, integer: false };
        const draw = (n: number, space: object) =>
          trialsOf(defineSweep({ recipe, space, search: { kind: 'random', n, seed } }));
        const few = draw(3, { batch, lr });
        for (const { settings } of few) {
          expect(settings.batch).toBeGreaterThanOrEqual(min);
          expect(settings.batch).toBeLessThanOrEqual(min + span);
          expect(Number.isInteger(settings.batch)).toBe(true);
          expect(settings.lr).toBeGreaterThanOrEqual(lr.min);
          expect(settings.lr).toBeLessThanOrEqual(lr.max);
        }
        expect(draw(6, { batch, lr }).slice(0, 3)).toEqual(few);
        const more = draw(3, { lr, batch, weightDecay: { min: 0, max: 1, integer } });
        expect(more.map(({ settings: { lr, batch } }) => ({ batch, lr }))).toEqual(few.map(({ settings }) => settings));
      }),
      { numRuns: 50 },
    );
  });

  test('of a small space are drawn once each', () => {
    const search = { kind: 'random', n: 50 };
    const trials = trialsOf(defineSweep({ recipe, search, space: { 'set.r': [1, 2, 4] } }));
    expect(trials.map(({ settings }) => settings['set.r']).sort()).toEqual([1, 2, 4]);
  });
});

describe('ids', () => {
  test('do not depend on the order of fields, and differ with any value', () => {
    const value = fc.dictionary(fc.string(), fc.jsonValue());
    fc.assert(
      fc.property(value, found => {
        const reversed = Object.fromEntries(Object.entries(found).reverse());
        expect(hashOf(reversed)).toBe(hashOf(found));
        expect(hashOf({ ...found, further: 1 })).not.toBe(hashOf({ ...found, further: 2 }));
      }),
    );
  });

  test('are those of the whole recipe: a default that is written out changes nothing', () => {
    const ids = (changes: object) => {
      const sweep = defineSweep({ recipe: { ...recipe, ...changes }, space: {}, seeds: [1, 2] });
      return planOf(sweep)
        .runs(new Map())
        .map(({ id }) => id);
    };
    expect(ids({ batch: 32, method: 'lora' })).toEqual(ids({}));
    expect(ids({ batch: 16 })).not.toEqual(ids({}));
    expect(new Set(ids({})).size).toBe(2);
    const [run] = planOf(defineSweep({ recipe, space: {} })).runs(new Map());
    expect(run!.id).toBe(runId(run!.recipe));
    expect(run!.recipe).toMatchObject({ seed: 42, evalSplit: 'val' });
  });
});

/** Does all runs of a plan in the order that `pick` chooses; returns the results. */
function finish(
  file: object,
  score: (trial: number, rung: number) => number | undefined,
  pick: (count: number) => number,
) {
  const sweep = defineSweep(file);
  const plan = planOf(sweep);
  const entries = new Map<string, SweepEntry>();
  for (;;) {
    const due = plan.runs(entries).filter(({ id }) => !entries.has(id));
    if (due.length === 0) return { sweep, plan, entries };
    const run = due[pick(due.length)]!;
    entries.set(run.id, entryFor(run, score(run.trial, run.rung ?? 0)));
  }
}

describe('successive halving', () => {
  const file = { recipe, space: { lr: lrs }, search: { kind: 'asha', n: 9, min: 1, factor: 3 }, seeds: [1, 2] };

  test('lets one of three go on, three times as long, the last to the end', () => {
    const { plan, entries, sweep } = finish(
      file,
      trial => 0.5 + trial / 100,
      () => 0,
    );
    const at = (rung: number) => [...entries.values()].filter(entry => entry.rung === rung).map(({ trial }) => trial);
    expect([at(0).length, at(1), at(2)]).toEqual([18, [8, 7, 6, 8, 7, 6], [8, 8]]);
    expect(entries.size).toBe(plan.total);
    const runs = plan.runs(entries);
    expect(
      runs.map(({ until }) => until).filter((until, i, all) => i === 0 || until !== all[i - 1]).length,
    ).toBeGreaterThan(2);
    expect(new Set(runs.map(({ until }) => JSON.stringify(until)))).toEqual(
      new Set(['{"epochs":1}', '{"epochs":3}', undefined]),
    );
    expect(
      rowsOf(entries, sweep)
        .slice(0, 3)
        .map(({ trial, rung, runs }) => [trial, rung, runs]),
    ).toEqual([
      [8, 2, 2],
      [7, 1, 2],
      [6, 1, 2],
    ]);
  });

  test('comes to the same table in whatever order runs end, failures included', () => {
    const scores = fc.array(fc.option(fc.integer({ min: 0, max: 5 })), { minLength: 27, maxLength: 27 });
    fc.assert(
      fc.property(scores, fc.array(fc.nat(), { minLength: 1, maxLength: 30 }), fc.boolean(), (found, order, isLoss) => {
        const score = (trial: number, rung: number) => found[trial * 3 + rung] ?? undefined;
        const given = { ...file, metric: isLoss ? 'loss' : 'accuracy' };
        let draw = 0;
        const one = finish(given, score, () => 0);
        const other = finish(given, score, count => order[draw++ % order.length]! % count);
        expect(markdownTable(rowsOf(other.entries, other.sweep), other.sweep)).toBe(
          markdownTable(rowsOf(one.entries, one.sweep), one.sweep),
        );
        expect(other.plan.runs(other.entries)).toEqual(one.plan.runs(one.entries));
      }),
      { numRuns: 40 },
    );
  });

  test('counts steps where the recipe does', () => {
    const sweep = defineSweep({
      ...file,
      recipe: { ...recipe, steps: 50 },
      search: { kind: 'asha', n: 4, min: 10, factor: 2 },
    });
    expect(planOf(sweep).runs(new Map())[0]!.until).toEqual({ steps: 10 });
  });
});

test('a failure that a later call mends leaves nothing of the rung that was decided without it', () => {
  const search = { kind: 'asha', n: 4, min: 1, factor: 3 };
  const sweep = defineSweep({ recipe, space: { lr: lrs }, search });
  const plan = planOf(sweep);
  const entries = new Map<string, SweepEntry>();
  const finishWith = (score: (trial: number) => number | undefined): void => {
    for (let due = plan.runs(entries); due.some(({ id }) => !entries.has(id)); due = plan.runs(entries))
      for (const run of due) if (!entries.has(run.id)) entries.set(run.id, entryFor(run, score(run.trial)));
  };
  finishWith(trial => (trial === 3 ? undefined : 0.5 + trial / 100));
  expect(rowsOf(plan.needed(entries), sweep)[0]).toMatchObject({ trial: 2, rung: 2 });
  for (const [id, { failure }] of entries) if (failure) entries.delete(id);
  finishWith(() => 0.9);
  const rows = rowsOf(plan.needed(entries), sweep);
  expect(rows.map(({ trial, rung }) => [trial, rung])).toEqual([
    [3, 2],
    [2, 0],
    [1, 0],
    [0, 0],
  ]);
  expect(entries.size).toBeGreaterThan(plan.needed(entries).size);
});

test('trials with the settings of `first` have priority, seed by seed, and nothing else changes', () => {
  const file = { recipe, space: { lr: [1e-3, 1e-2], 'set.r': [2, 4] }, seeds: [1, 2] };
  const order = (first: object[]): string[] =>
    planOf(defineSweep({ ...file, first }))
      .runs(new Map())
      .sort((a, b) => a.priority - b.priority)
      .map(({ settings, seed }) => `${settings.lr} ${settings['set.r']} ${seed}`);
  expect(order([{ lr: 1e-2, 'set.r': 2 }, { 'set.r': 4 }])).toEqual([
    ...['0.001 4 1', '0.01 2 1', '0.01 4 1', '0.001 4 2', '0.01 2 2', '0.01 4 2'],
    ...['0.001 2 1', '0.001 2 2'],
  ]);
  expect(defineSweep({ ...file, first: [{ lr: 1e-2 }] }).id).toBe(defineSweep(file).id);
  expect(() => defineSweep({ ...file, first: [{ 'set.rr': 2 }] })).toThrow(
    'sweep: first has set.rr, by which no trial differs; closest: set.r.',
  );
});

test('a trial is not ranked by the seeds that it survived', () => {
  const sweep = defineSweep({ recipe, space: { lr: [1e-3, 1e-2] }, seeds: [1, 2] });
  const runs = planOf(sweep).runs(new Map());
  const scores = new Map([
    ['0 1', 0.5],
    ['0 2', 0.6],
    ['1 1', 0.9],
  ]);
  const entries = new Map(runs.map(run => [run.id, entryFor(run, scores.get(`${run.trial} ${run.seed}`))]));
  const found = rowsOf(entries, sweep).map(row => [row.trial, row.runs, row.mean?.toFixed(2)]);
  expect(found).toEqual([
    [0, 2, '0.55'],
    [1, 1, '0.90'],
  ]);
});

test('the table has means and deviations over the seeds, the best first', () => {
  const { entries, sweep } = finish(
    { recipe, space: { 'set.r': [2, 4, 8] }, seeds: [1, 2] },
    trial => [0.5, 0.75, undefined][trial],
    () => 0,
  );
  expect(markdownTable(rowsOf(entries, sweep), sweep).split('\n')).toEqual([
    '| trial | accuracy | deviation | set.r | runs | parameters |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    '| 1 | 75.0 | 0.0 | 4 | 2 of 2 | 1,000 |',
    '| 0 | 50.0 | 0.0 | 2 | 2 of 2 | 1,000 |',
    '| 2 | - | - | 8 | 0 of 2, 2 failed | - |',
  ]);
});
