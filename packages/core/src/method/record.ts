import { check } from '../errors.ts';
import type { JsonObject } from '../files/adapter-file.ts';
import type { Method, MethodFactory } from './method.ts';

/** A method as plain data. */
export interface MethodRecord {
  readonly type: string;
  readonly config: JsonObject;
  /** The method whose deltas it acts on. */
  readonly of?: MethodRecord;
}

export const methodRecord = ({ type, config, of }: Method): MethodRecord => ({
  type,
  config: config as JsonObject,
  ...(of && { of: methodRecord(of) }),
});

/** The factory of a type, or an error that tells which there are. */
export function factoryOf(type: string, factories: readonly MethodFactory[], source: string): MethodFactory {
  const factory = factories.find(candidate => candidate.type === type);
  const known = factories.map(candidate => candidate.type).join(', ');
  check(factory, 'not-supported', () => `${source} holds an adapter of type ${type}; can be read: ${known}.`);
  return factory;
}

/** The options that a record's factory takes: its config, with the method it acts on, if there is one, as a value. */
export const recordOptions = (record: MethodRecord, factories: readonly MethodFactory[], source: string): object => ({
  ...record.config,
  ...(record.of && { of: reviveMethod(record.of, factories, source) }),
});

/** The method of a record. */
export const reviveMethod = (record: MethodRecord, factories: readonly MethodFactory[], source: string): Method =>
  factoryOf(record.type, factories, source)(recordOptions(record, factories, source) as never);

export function isMethodRecord(value: unknown): value is MethodRecord {
  const { type, config, of } = (value ?? {}) as Record<string, unknown>;
  const isNamed = typeof type === 'string' && typeof config === 'object' && config !== null;
  return isNamed && (of === undefined || isMethodRecord(of));
}
