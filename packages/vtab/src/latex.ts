const escapeLatex = (text: string): string =>
  text.replace(/[&%$#_{}]/g, character => `\\${character}`).replace(/±/g, '$\\pm$');

/**
 * A table in LaTeX, for the package `booktabs`.
 *
 * @param body blocks of rows, with a rule between two
 */
export function latexRows(head: readonly string[], ...body: readonly (readonly (readonly string[])[])[]): string {
  const line = (cells: readonly string[]): string => `${cells.map(escapeLatex).join(' & ')} \\\\`;
  const blocks = body.filter(rows => rows.length > 0);
  return [
    `\\begin{tabular}{l${'r'.repeat(head.length - 1)}}`,
    '\\toprule',
    line(head),
    ...blocks.flatMap(rows => ['\\midrule', ...rows.map(line)]),
    '\\bottomrule',
    '\\end{tabular}',
  ].join('\n');
}
