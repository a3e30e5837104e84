import lighthouse, { type Result } from 'lighthouse';
import { patience } from './studio.ts';

/** The audits whose numbers are read. */
const measured = ['largest-contentful-paint', 'cumulative-layout-shift', 'total-blocking-time'];

/**
 * Lighthouse's report on a page, as on a phone. On a busy machine its own trace can lack the first paint, and its audits then
 * hold an error in place of a number. Such a report says nothing of the page, so up to three are made.
 *
 * @param port where Chromium listens
 */
export async function lighthouseReport(url: string, port: number): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    const result = await lighthouse(url, {
      port,
      onlyCategories: ['performance', 'accessibility'],
      maxWaitForFcp: patience,
      maxWaitForLoad: patience,
    });
    if (!result) throw new Error('Lighthouse ended without a result.');
    const errors = measured.flatMap(audit => result.lhr.audits[audit]?.errorMessage ?? []);
    if (!errors.length) return result.lhr;
    if (attempt === 3) throw new Error(`Lighthouse could not measure the page: ${errors.join(' ')}`);
    console.log(`Lighthouse could not measure the page, and tries again: ${errors.join(' ')}`);
  }
}

/** The score of a category, of 100. */
export const scoreOf = ({ categories }: Result, category: string): number =>
  Math.round(100 * (categories[category]?.score ?? Number.NaN));

/** The number of an audit: ms, or the shift of the layout. */
export const numberOf = ({ audits }: Result, audit: string): number => audits[audit]?.numericValue ?? Number.NaN;

/** The audits of accessibility that the page fails. */
export function failedAudits({ categories, audits }: Result): string[] {
  const references = categories.accessibility?.auditRefs ?? [];
  return references.flatMap(({ id }) => {
    const { score } = audits[id] ?? {};
    return typeof score === 'number' && score < 1 ? [id] : [];
  });
}

/** In one line. */
export const summaryOf = (report: Result): string =>
  `Lighthouse ${report.lighthouseVersion}: performance ${scoreOf(report, 'performance')}, accessibility ${scoreOf(report, 'accessibility')}, ` +
  `LCP ${Math.round(numberOf(report, 'largest-contentful-paint'))} ms, CLS ${numberOf(report, 'cumulative-layout-shift').toFixed(3)}, ` +
  `TBT ${Math.round(numberOf(report, 'total-blocking-time'))} ms`;
