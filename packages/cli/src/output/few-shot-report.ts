import { type Curve, htmlTable, page, renderCurves } from '@peft/report/node';
import { type FewShotRow, fewShotTable } from '@peft/vtab';

/** A line for each method: its mean accuracy by the pictures of each class. */
function curvesOf(rows: readonly FewShotRow[]): Curve[] {
  const names = [...new Set(rows.map(({ method }) => method))];
  return names.map(name => ({
    name,
    points: rows.filter(({ method }) => method === name).map(({ shots, average }) => ({ x: shots, y: average })),
  }));
}

/** Renders a self-contained page of few-shot results. */
export function renderFewShot(rows: readonly FewShotRow[], backbone: string): string {
  const table = fewShotTable(rows);
  const axes = { x: 'pictures of each class', y: 'accuracy (%)', logX: true };
  const chart = renderCurves(curvesOf(rows), { title: 'Accuracy, mean of these data sets', ...axes });
  return page(
    `Few-shot, ${backbone}`,
    `<p>Accuracy on the test sets after the last step, in percent: mean and sample deviation over the seeds. Each seed has pictures of
its own. Parameters are counted without the head.</p>
${htmlTable(table.head, table.rows)}
<div class="panels">${chart}</div>`,
  );
}
