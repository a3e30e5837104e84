const known = new Set(['lora', 'neat', 'lily', 'heat', 'pear', 'adaptformer', 'linear', 'full']);

/** A method's color, the same everywhere. */
export const methodColor = (method: string): string =>
  known.has(method) ? `var(--method-${method})` : 'var(--line-strong)';
