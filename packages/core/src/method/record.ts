import type { JsonObject } from '../files/json.ts';

/** A method as plain data. */
export interface MethodRecord {
  readonly type: string;
  readonly config: JsonObject;
  /** The findings of its stages. */
  readonly findings?: JsonObject;
  /** The method whose deltas it acts on. */
  readonly base?: MethodRecord;
}

/** Whether plain data is a method's record, nested no deeper than eight methods. */
export function isMethodRecord(value: unknown, depth = 0): value is MethodRecord {
  const { type, config, findings = {}, base } = (value ?? {}) as Record<string, unknown>;
  const hasData = [config, findings].every(data => typeof data === 'object' && data !== null);
  const isNamed = typeof type === 'string' && hasData && depth < 8;
  return isNamed && (base === undefined || isMethodRecord(base, depth + 1));
}
