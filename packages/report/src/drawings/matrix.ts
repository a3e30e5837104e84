import { escapeHtml, scrolling, shadeOf } from './html.ts';

/** Counts of predictions: `counts[label][prediction]`. */
export interface Confusion {
  readonly counts: readonly (readonly number[])[];
  /** Class names; numbers where there are none. */
  readonly classes: readonly string[];
}

export interface MatrixOptions {
  /** HTML of a cell that has pictures; their count unless given. */
  cell?(count: number, label: number, predicted: number): string;
}

/** Letters of a name that fits above a column. */
const shortName = 3;

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

/** Draws a confusion matrix: rows are the true classes, columns the predicted ones, each row shaded by its shares. */
export function renderMatrix({ counts, classes }: Confusion, { cell = String }: MatrixOptions = {}): string {
  const nameOf = (index: number): string => escapeHtml(classes[index] ?? String(index));
  const columns = counts.map((_, i) => `<th scope="col" title="${nameOf(i)}"><span>${nameOf(i)}</span></th>`).join('');
  const head = `<tr><td class="corner">predicted →<br>true ↓</td>${columns}<th scope="col" class="recall">right</th></tr>`;
  const lines = counts.map((row, label) => {
    const total = row.reduce((sum, count) => sum + count, 0) || 1;
    const cells = row.map((count, predicted) => {
      const kind = `${label === predicted ? 'right' : 'wrong'} ${shadeOf(count / total)}`;
      return `<td class="${kind}">${count > 0 ? cell(count, label, predicted) : ''}</td>`;
    });
    const recall = `<td class="recall">${percent((row[label] ?? 0) / total)}</td>`;
    return `<tr><th scope="row" title="${nameOf(label)}">${nameOf(label)}</th>${cells.join('')}${recall}</tr>`;
  });
  const isLong = counts.some((_, i) => (classes[i] ?? String(i)).length > shortName);
  const table = `<table class="matrix${isLong ? ' long' : ''}"><thead>${head}</thead><tbody>${lines.join('')}</tbody></table>`;
  return scrolling('Rows are the true classes, columns the predicted ones', table);
}
