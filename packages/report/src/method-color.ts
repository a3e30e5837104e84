const known = new Set(['lora', 'neat', 'lily', 'heat', 'pear', 'adaptformer', 'linear', 'full']);

/** The color of a method, the same everywhere: a variable of tokens.css. */
export const methodColor = (method: string): string =>
  known.has(method) ? `var(--method-${method})` : 'var(--line-strong)';
