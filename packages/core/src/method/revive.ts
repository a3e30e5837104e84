import { check } from '../errors.ts';
import type { JsonObject } from '../files/json.ts';
import type { Method, MethodFactory } from './method.ts';
import type { MethodRecord } from './record.ts';

/** The plain data of a method. */
export const methodRecord = ({ type, config, findings, base }: Method): MethodRecord => ({
  type,
  config: config as JsonObject,
  ...(findings && { findings: findings as JsonObject }),
  ...(base && { base: methodRecord(base) }),
});

/** Whether this factory made a method, which tells TypeScript the type of its config and findings. */
export const isMadeBy = <Made extends Method>(method: Method, { type }: MethodFactory<never, Made>): method is Made =>
  method.type === type;

/** The factory of a type, among those given and their default base methods. */
export function factoryOf(type: string, factories: readonly MethodFactory[], source: string): MethodFactory {
  const all = factories.flatMap(factory => (factory.base ? [factory, factory.base] : [factory]));
  const factory = all.find(candidate => candidate.type === type);
  const known = [...new Set(all.map(candidate => candidate.type))].join(', ');
  check(
    factory,
    'not-supported',
    () => `${source} holds an adapter of type ${type.slice(0, 80)}; can be read: ${known}.`,
  );
  return factory;
}

/** The options that rebuild a record's method: its config, its findings, and its base method. */
export const recordOptions = (record: MethodRecord, factories: readonly MethodFactory[], source: string): object => ({
  ...record.config,
  ...(record.findings && { findings: record.findings }),
  ...(record.base && { base: reviveMethod(record.base, factories, source) }),
});

/** The method of a record. */
export const reviveMethod = (record: MethodRecord, factories: readonly MethodFactory[], source: string): Method =>
  factoryOf(record.type, factories, source)(recordOptions(record, factories, source) as never);
