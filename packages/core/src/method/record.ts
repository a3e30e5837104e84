import type { JsonObject } from '../files/json.ts';

/** A method as plain data. */
export interface MethodRecord {
  readonly type: string;
  readonly config: JsonObject;
  /** The method whose deltas it acts on. */
  readonly base?: MethodRecord;
}

/** Whether plain data is a method's record; one nested without end is none. */
export function isMethodRecord(value: unknown, depth = 0): value is MethodRecord {
  const { type, config, base } = (value ?? {}) as Record<string, unknown>;
  const isNamed = typeof type === 'string' && typeof config === 'object' && config !== null && depth < 8;
  return isNamed && (base === undefined || isMethodRecord(base, depth + 1));
}
