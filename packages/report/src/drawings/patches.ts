import { escapeHtml, shadeOf } from './html.ts';

/** A share for each patch of a picture. */
export interface PatchShares {
  /** What they are, for people who do not see them. */
  readonly title: string;
  readonly columns: number;
  /** Row by row, each in [0, 1]. */
  readonly shares: readonly number[];
  /** The share that has the full color, so that several drawings can be compared. */
  readonly full: number;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Draws patches in their places, shaded by their shares. The strongest is told in words. */
export function renderPatches({ title, columns, shares, full }: PatchShares): string {
  const placeOf = (i: number): string => `row ${Math.floor(i / columns) + 1}, column ${(i % columns) + 1}`;
  const strongest = shares.reduce((best, share, i) => (share > shares[best]! ? i : best), 0);
  const told = `${title}. The strongest patch is ${placeOf(strongest)}, ${percent(shares[strongest] ?? 0)}.`;
  const cells = shares.map((share, i) => {
    const [x, y] = [i % columns, Math.floor(i / columns)];
    const name = `<title>${placeOf(i)}: ${percent(share)}</title>`;
    return `<rect class="${shadeOf(share / full)}" x="${x}" y="${y}" width="1" height="1">${name}</rect>`;
  });
  const rows = Math.ceil(shares.length / columns);
  return `<svg class="patches" viewBox="0 0 ${columns} ${rows}" role="img" aria-label="${escapeHtml(told)}">${cells.join('')}</svg>`;
}
