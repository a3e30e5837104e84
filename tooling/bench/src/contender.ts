import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { interpreter } from '@peft/reference/python';
import type { Assignment, Engine, Facts, Reply, Request, Sample } from './work.ts';

interface Program {
  command: string;
  args: string[];
  env: NodeJS.ProcessEnv;
}

const node = (worker: URL): Program => ({ command: process.execPath, args: [fileURLToPath(worker)], env: process.env });

/** The files of the programs that Node runs. */
const workers: Readonly<Record<Exclude<Engine, 'torch' | 'pillow'>, string>> = {
  onnx: 'ours',
  wasm: 'ours',
  'stock-wasm': 'ours',
  plain: 'plain',
  onnxruntime: 'onnxruntime',
  files: 'files',
  'epoch-disk': 'epoch',
  'epoch-memory': 'epoch',
};

/** Node runs what `tsc` made, as in use. */
function programOf(engine: Engine): Program {
  if (engine === 'torch' || engine === 'pillow') {
    const script = fileURLToPath(new URL(`../scripts/${engine}_contender.py`, import.meta.url));
    return { ...interpreter, args: [...interpreter.args, script] };
  }
  return node(new URL(`../dist/worker/${workers[engine]}.js`, import.meta.url));
}

/** A process of its own that does one thing when told, and idles otherwise. */
export class Contender {
  readonly #started = performance.now();
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #ended: Promise<unknown>;
  #complaints = '';

  constructor(engine: Engine) {
    const { command, args, env } = programOf(engine);
    this.#child = spawn(command, args, { env, stdio: ['pipe', 'ignore', 'pipe', 'pipe'] });
    this.#child.stderr?.on('data', (text: Buffer) => {
      this.#complaints = (this.#complaints + text).slice(-4000);
    });
    // What it left undone shows in the next answer.
    this.#child.stdin?.on('error', () => {});
    this.#lines = createInterface({ input: this.#child.stdio[3] as Readable });
    this.#ended = once(this.#child, 'close').catch((error: Error) => {
      this.#complaints += error.message;
    });
  }

  /** Milliseconds since the process was started. */
  get age(): number {
    return performance.now() - this.#started;
  }

  /** Makes the model and all else that the work needs; what was open before is closed. */
  async open(assignment: Assignment): Promise<void> {
    await this.#ask({ type: 'open', assignment });
  }

  async step(): Promise<Sample> {
    return (await this.#ask({ type: 'step' })) as Sample;
  }

  async describe(): Promise<Facts> {
    return (await this.#ask({ type: 'describe' })) as Facts;
  }

  /** Ends the process, whatever it is at. */
  async stop(): Promise<void> {
    this.#child.stdin?.end();
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  async #ask(request: Request): Promise<unknown> {
    const answer = once(this.#lines, 'line') as Promise<[string]>;
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    const line = await Promise.race([answer, this.#ended]);
    if (!Array.isArray(line) || typeof line[0] !== 'string') {
      throw new Error(`${this.#child.spawnfile} ended during "${request.type}": ${this.#complaints}`);
    }
    const reply = JSON.parse(line[0]) as Reply;
    if ('error' in reply) throw new Error(`${this.#child.spawnfile} failed: ${reply.error}`);
    return reply.result;
  }
}
