import type { Json } from '@peft/core';
import type { MethodOption } from '@peft/run';

/** What a field of a form is. */
export type OptionKind =
  | { readonly kind: 'switch' }
  | { readonly kind: 'number'; readonly step: 1 | 'any'; readonly min?: number; readonly max?: number }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | { readonly kind: 'text' }
  /** JSON, or names apart from each other by commas. */
  | { readonly kind: 'json' };

const numberOf = (value: Json | undefined): number | undefined => (typeof value === 'number' ? value : undefined);

/** The field for an option, by its schema. */
export function kindOf({ schema }: MethodOption): OptionKind {
  const { type, enum: choices, minimum, exclusiveMinimum, maximum, exclusiveMaximum } = schema;
  if (Array.isArray(choices)) return { kind: 'choice', choices: choices.map(String) };
  if (type === 'boolean') return { kind: 'switch' };
  if (type === 'string') return { kind: 'text' };
  if (type !== 'integer' && type !== 'number') return { kind: 'json' };
  const [min, max] = [numberOf(minimum ?? exclusiveMinimum), numberOf(maximum ?? exclusiveMaximum)];
  const limits = { ...(min !== undefined && { min }), ...(max !== undefined && { max }) };
  return { kind: 'number', step: type === 'integer' ? 1 : 'any', ...limits };
}

/** Whether one number, choice or switch sets it. */
export const isSimple = (option: MethodOption): boolean => ['number', 'choice', 'switch'].includes(kindOf(option).kind);

/** What a text stands for: JSON, or else names. */
export function parseText(text: string): Json | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  if (/^[[{"\d-]|^(true|false|null)$/.test(trimmed)) {
    try {
      return JSON.parse(trimmed) as Json;
    } catch {
      // a name that starts with such a character
    }
  }
  const names = trimmed.split(/,(?![^[]*\])/).map(name => name.trim()); // commas in brackets part slices
  return names.length > 1 || trimmed.includes('.') || trimmed.includes('[') ? names : trimmed;
}

/** The text of a value. */
export function textOf(value: Json | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  const isNames = Array.isArray(value) && value.every(name => typeof name === 'string');
  return isNames ? value.join(', ') : JSON.stringify(value);
}
