import { escapeHtml } from '@peft/report';
import { countPictures } from '../format.ts';

/** A cell of the confusion matrix. */
export interface Cell {
  readonly label: number;
  readonly predicted: number;
}

/** Makes the button of a cell that has pictures. */
export const cellButton =
  (classes: readonly string[]) =>
  (count: number, label: number, predicted: number): string => {
    const told = `${classes[label]} taken for ${classes[predicted]}: ${countPictures(count)}`;
    return `<button data-cell="${label},${predicted}" aria-label="${escapeHtml(told)}" aria-pressed="false">${count}</button>`;
  };

/** The cell of a button. */
export function cellOf({ dataset }: HTMLButtonElement): Cell {
  const [label = 0, predicted = 0] = (dataset.cell ?? '').split(',').map(Number);
  return { label, predicted };
}
