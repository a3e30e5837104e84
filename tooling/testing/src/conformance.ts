import { adapt, type Engine, key, type Method, type MethodFactory, type Module } from '@peft/core';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, describe } from 'vitest';
import { architectures, lively, pictures } from './backbones.ts';
import { checkEngines } from './checks/engines.ts';
import { checkFiles } from './checks/files.ts';
import { checkLearning } from './checks/learning.ts';
import { checkMemory } from './checks/memory.ts';
import { checkMerging } from './checks/merging.ts';
import { checkRemoval } from './checks/removal.ts';
import { checkRows } from './checks/rows.ts';
import { checkSlopes } from './checks/slopes.ts';
import { checkStage, settled } from './checks/stage.ts';
import { checkStart } from './checks/start.ts';
import { input, network as net } from './net.ts';
import type { Expectations, Subject } from './subject.ts';

export interface ConformanceCase<Options> extends Expectations {
  name: string;
  /** Targets are modules of the network: of {@link Net}, `qkv`, with slices q, k and v, and `out`. */
  options: Options;
  /**
   * The same on a ViT and a Swin, if it is to be tried there: `targets: ['attn.qkv[q,v]', 'mlp.fc1']`. On WebGPU only the first
   * such case is: on a software driver, compiling the shaders of one takes half a minute.
   */
  onBackbones?: Options;
}

/** Settings shared by all cases of a method. */
export interface ConformanceSetting {
  /**
   * Makes the same network each time, for inputs `[2, 3, 5]`: one of the author's own where {@link Net} lacks what the method
   * adapts, such as several layers to share a tensor.
   */
  network?: () => Module;
  /** Factories of the base methods that the method acts on. */
  others?: readonly MethodFactory[];
  /** Another engine, to compare with the eager one: `() => onnxEngine({ threads: 1 })`. */
  engine?: () => Promise<Engine>;
}

/**
 * Vitest tests of what every method must do, on the current backend.
 *
 * ```ts
 * const options = { targets: ['qkv[q,v]'], r: 2 };
 * const onBackbones = { targets: ['attn.qkv[q,v]'], r: 2 };
 * conformance(lora, [{ name: 'plain', options, onBackbones, mergeable: true, portable: true }]);
 * ```
 */
export function conformance<Options>(
  factory: MethodFactory<Options>,
  cases: readonly ConformanceCase<Options>[],
  setting: ConformanceSetting = {},
): void {
  describeCases(`${factory.type} conforms`, factory, cases, setting, checkAll, checkSlopes);
}

/** The part of {@link conformance} that needs another engine, for tests that join a method and engines. */
export function engineConformance<Options>(
  factory: MethodFactory<Options>,
  cases: readonly ConformanceCase<Options>[],
  setting: ConformanceSetting & Required<Pick<ConformanceSetting, 'engine'>>,
): void {
  describeCases(`${factory.type} is the same on every engine`, factory, cases, setting, (subject, { stage }) => {
    checkEngines(subject);
    if (stage) describe('after its stage', () => checkEngines(settled(subject)));
  });
}

function describeCases<Options>(
  title: string,
  factory: MethodFactory<Options>,
  cases: readonly ConformanceCase<Options>[],
  { network = net, others = [], engine }: ConformanceSetting,
  check: (subject: Subject, method: Method) => void,
  checkHere: (subject: Subject) => void = () => {},
): void {
  let started: Promise<Engine> | undefined;
  const shared = engine && (() => (started ??= engine()));
  const subjectOf = (one: Expectations, options: Options, place: Pick<Subject, 'network' | 'input'>): Subject => ({
    ...one,
    ...place,
    engine: shared,
    readers: [factory, ...others],
    async attach() {
      const model = adapt(place.network());
      await model.add('default', factory(options), { key: key(3) });
      return model;
    },
  });
  describe(title, () => {
    afterAll(async () => (await started)?.dispose());
    const tried = cases.filter(({ onBackbones }) => onBackbones !== undefined);
    const skipped = tf.getBackend() === 'webgpu' ? tried.slice(1) : [];
    for (const one of cases) {
      const { name, options, onBackbones, ...expected } = one;
      const here = subjectOf(expected, options, { network, input });
      describe(name, () => {
        check(here, factory(options));
        checkHere(here);
      });
      if (onBackbones === undefined || skipped.includes(one)) continue;
      for (const architecture of architectures) {
        const there = subjectOf(expected, onBackbones, { network: () => lively(architecture), input: pictures });
        describe(`${name}, on a tiny ${architecture}`, () => check(there, factory(onBackbones)));
      }
    }
  });
}

function checkAll(subject: Subject, { stage }: Method): void {
  checkStart(subject);
  checkLearning(subject);
  checkRemoval(subject);
  checkMerging(subject);
  checkRows(subject);
  checkFiles(subject);
  checkEngines(subject);
  checkMemory(subject);
  if (stage) checkStage(subject);
}
