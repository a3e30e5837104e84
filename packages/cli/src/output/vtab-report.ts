import { escapeHtml } from '@peft/report';
import { type Curve, type Dot, htmlTable, page, renderCurves, renderDots } from '@peft/report/node';
import { type MethodRow, type Report, tableOf, type VtabEntry } from '@peft/vtab';

export interface VtabReport extends Report {
  readonly entries: readonly VtabEntry[];
  readonly backbone: string;
}

const normalization = {
  raw: 'Pictures are in 0..1, not normalized, as in the code of Lily and of the binary adapters.',
  normalized: "Pictures are normalized by ImageNet's mean and deviation, as in the code of FacT, Convpass and NOAH.",
};

const accuracies = (rows: readonly MethodRow[]): Dot[] =>
  rows.flatMap(({ method, parameters, last: { measured } }) =>
    parameters > 0 && measured !== undefined ? [{ name: method, x: parameters, y: measured, deviation: 0 }] : [],
  );

/** The mean over tasks and seeds of the accuracy at each look, for each method. */
function looks(entries: readonly VtabEntry[], methods: readonly string[]): Curve[] {
  return methods.map(name => {
    const sums = new Map<number, { total: number; count: number }>();
    for (const { method, evaluations } of entries) {
      if (method !== name) continue;
      for (const { epoch, accuracy } of evaluations) {
        const { total, count } = sums.get(epoch) ?? { total: 0, count: 0 };
        sums.set(epoch, { total: total + 100 * accuracy, count: count + 1 });
      }
    }
    const points = [...sums].map(([epoch, { total, count }]) => ({ x: epoch, y: total / count }));
    return { name, points: points.sort((a, b) => a.x - b.x) };
  });
}

/** Renders a self-contained page of VTAB-1K results. */
export function renderVtab(report: VtabReport): string {
  const { rows, entries, protocol, backbone } = report;
  const { tasks, averages, lines } = tableOf(report);
  const head = ['method', 'parameters', ...averages, ...tasks]; // averages first, where they are seen without scrolling
  const curves = looks(
    entries,
    rows.map(({ method }) => method),
  ).filter(({ points }) => points.length > 0);
  const dots = accuracies(rows);
  const charts = [
    ...(dots.length > 0
      ? [
          renderDots(dots, {
            title: 'Accuracy after the last step, mean of these tasks',
            x: 'trained parameters without the head',
            y: 'accuracy (%)',
            logX: true,
          }),
        ]
      : []),
    ...(curves.length > 0
      ? [renderCurves(curves, { title: 'Accuracy at each look at the test set', x: 'epoch', y: 'accuracy (%)' })]
      : []),
  ];
  return page(
    `VTAB-1K, ${backbone}`,
    `<p>Accuracy on the test sets, in percent. ${normalization[protocol]}</p>
<p>"last" is after the last step. "best look" is the best of the looks at the test set every ten epochs, as most papers report: it
chooses by the test set, so that it is optimistic. Published rows are ViT-B/16 pretrained on ImageNet-21k, from ${escapeHtml(report.published[0]?.source ?? 'no source')}; their
recipes differ.</p>
${htmlTable(
  head,
  lines.map(line => [line.name, line.parameters, ...line.averages, ...line.tasks]),
)}
<div class="panels">${charts.join('\n')}</div>`,
  );
}
