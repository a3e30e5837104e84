import { escapeControls } from '@peft/core';
import { printable, printableJson } from './printable.ts';
import { seconds } from './table.ts';

export interface OutputOptions {
  json: boolean;
  quiet: boolean;
}

/**
 * Writes the answer to stdout, and progress and notes to stderr. Escapes control characters: names from files can hold them.
 */
export class Output {
  readonly #options: OutputOptions;
  readonly #tty = process.stderr.isTTY === true;
  #lastDrawn = 0;

  constructor(options: OutputOptions) {
    this.#options = options;
  }

  /** Writes the answer: a text for people, or exactly one object with `--json`. */
  answer(text: string, json: object): void {
    process.stdout.write(`${this.#options.json ? printableJson(json) : printable(text)}\n`);
  }

  /** Writes a line of progress. */
  note(text: string): void {
    if (!this.#options.quiet) process.stderr.write(`${printable(text)}\n`);
  }

  /** Draws a progress bar, at most ten times a second in a terminal; it ends as one line everywhere. */
  progress(label: string, total: number): { at(done: number, detail?: string): void; end(detail?: string): void } {
    const started = performance.now();
    const width = 24;
    const draw = (done: number, detail: string): string => {
      const filled = Math.round((width * Math.min(done, total)) / Math.max(1, total));
      const elapsed = performance.now() - started;
      const left = done > 0 && done < total ? `, ${seconds((elapsed / done) * (total - done))} left` : '';
      const bar = '█'.repeat(filled) + '░'.repeat(width - filled);
      return escapeControls(
        `${label} ${bar} ${done}/${total}${detail ? `  ${detail}` : ''}  ${seconds(elapsed)}${left}`,
      );
    };
    const show = !this.#options.quiet;
    return {
      at: (done, detail = '') => {
        const now = performance.now();
        if (!show || !this.#tty || now - this.#lastDrawn < 100) return;
        this.#lastDrawn = now;
        process.stderr.write(`\r\x1b[2K${draw(done, detail)}`);
      },
      end: (detail = '') => {
        if (show) process.stderr.write(`${this.#tty ? '\r\x1b[2K' : ''}${draw(total, detail)}\n`);
      },
    };
  }
}
