import { configSchema } from '../config-schema.ts';
import type { Output } from '../output/output.ts';

/** The JSON Schema of a configuration file: editors complete and check such a file by it. */
export function schema(output: Output): void {
  const described = configSchema();
  output.answer(JSON.stringify(described, null, 2), described);
}
