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

/** The factory of a type, among those given and those that they act on unless told otherwise. */
export function factoryOf(type: string, factories: readonly MethodFactory[], source: string): MethodFactory {
  const all = factories.flatMap(factory => (factory.of ? [factory, factory.of] : [factory]));
  const factory = all.find(candidate => candidate.type === type);
  const known = [...new Set(all.map(candidate => candidate.type))].join(', ');
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
