import type { JsonObject } from '@peft/core';
import type { value as kinds } from '@peft/core/method';

const range = ({ min, above, max, below }: kinds.Range): JsonObject => ({
  ...(min !== undefined && { minimum: min }),
  ...(above !== undefined && { exclusiveMinimum: above }),
  ...(max !== undefined && { maximum: max }),
  ...(below !== undefined && { exclusiveMaximum: below }),
});

/** The JSON Schema of an option's values. */
export function optionSchema(value: kinds.Value): JsonObject {
  switch (value.kind) {
    case 'integer':
    case 'number':
      return { type: value.kind, ...range(value) };
    case 'boolean':
      return { type: 'boolean' };
    case 'json':
      return {};
    case 'string':
      return { type: 'string' };
    case 'choice':
      return { enum: [...value.choices] };
    case 'list':
      return { type: 'array', items: optionSchema(value.of) };
    case 'table':
      return { type: 'object', additionalProperties: optionSchema(value.of) };
    case 'nullable':
      return { anyOf: [optionSchema(value.of), { type: 'null' }] };
    case 'either':
      return { anyOf: value.of.map(optionSchema) };
    case 'object': {
      const fields = Object.entries(value.fields).map(([name, field]) => [name, optionSchema(field)] as const);
      return { type: 'object', properties: Object.fromEntries(fields) };
    }
  }
}
