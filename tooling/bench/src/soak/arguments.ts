import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { natural } from '../arguments.ts';
import type { Part, SoakedEngine } from './soak.ts';

interface SoakArguments {
  readonly parts: readonly Part[];
  /** The page whose section is written; without it, it is printed alone. */
  readonly out: string | undefined;
  /** The arguments as they were given. */
  readonly given: string;
}

const engines: readonly SoakedEngine[] = ['onnx', 'wasm'];

/** Reads the command line. Paths are relative to where the command was given, not to this package. */
export function readSoakArguments(argv: readonly string[], folder: string): SoakArguments {
  const args = argv.filter(argument => argument !== '--');
  const { values } = parseArgs({
    args,
    options: {
      engines: { type: 'string', default: engines.join(',') },
      trainings: { type: 'string', default: '500' },
      steps: { type: 'string', default: '10000' },
      out: { type: 'string' },
    },
  });
  const asked = values.engines.split(',');
  const unknown = asked.find(name => !engines.some(engine => engine === name));
  if (unknown !== undefined) throw new Error(`There is no engine "${unknown}"; there are ${engines.join(', ')}.`);
  const [trainings, steps] = [natural('trainings', values.trainings), natural('steps', values.steps)];
  return {
    parts: engines
      .filter(engine => asked.includes(engine))
      .flatMap(engine => [
        { engine, kind: 'trainings' as const, count: trainings },
        { engine, kind: 'steps' as const, count: steps },
      ]),
    out: values.out === undefined ? undefined : resolve(folder, values.out),
    given: args.join(' '),
  };
}
