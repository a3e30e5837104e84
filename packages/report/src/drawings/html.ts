/*
 * Drawings are tables, which a screen reader reads as well, with strings of HTML in the classes of drawings.css. They have no inline
 * style, so that a page of a strict content security policy can show them too.
 */

/** Text as it stands in HTML, in an element or in a quoted attribute. */
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);

/** A number with the digits that tell it from its neighbors: `0.0213`, `12.4`. */
export const short = (value: number): string => Number(value.toPrecision(3)).toString();

/** Shades between nothing and the full color. */
const shades = 20;

/** The class of a cell that is shaded by a share in [0, 1]. */
export const shadeOf = (share: number): string => `shade-${Math.round(shades * Math.min(1, Math.max(0, share)))}`;

/** The largest value, above 0, so that it can be divided by. */
export const largestOf = (values: readonly number[]): number =>
  values.reduce((a, b) => Math.max(a, b), Number.MIN_VALUE);

/** A table that scrolls where it is larger than its place, by keys too. */
export const scrolling = (label: string, table: string): string =>
  `<div class="scroll" role="region" aria-label="${escapeHtml(label)}" tabindex="0">${table}</div>`;
