import { check, PeftError } from '../errors.ts';

/** Plain data that JSON can hold. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

const deepest = 100;
const mostBytes = 32_000_000;

/** The end of the string that begins at `start`, after its quote. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}

/** Checks that `JSON.parse` lacks: duplicate keys, and the depth of nesting. */
export function scanJson(text: string): { duplicate: string | undefined; depth: number } {
  const open: Set<string>[] = [];
  let depth = 0;
  let duplicate: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '{' || char === '[') depth = Math.max(depth, open.push(new Set()));
    else if (char === '}' || char === ']') open.pop();
    else if (char === '"') {
      const end = endOfString(text, at);
      const keys = open.at(-1);
      if (keys && /^\s*:/.test(text.slice(end, end + 8))) {
        const raw = text.slice(at, end);
        const key = raw.includes('\\') ? String(JSON.parse(raw)) : raw.slice(1, -1);
        if (keys.has(key)) duplicate ??= key;
        keys.add(key);
      }
      at = end - 1;
    }
  }
  return { duplicate, depth };
}

/** The object that a JSON file holds. @throws PeftError `bad-file` if it is none, or is too large or too deeply nested */
export function parseJsonObject(bytes: Uint8Array, source: string): JsonObject {
  check(bytes.length <= mostBytes, 'bad-file', () => `${source} has ${bytes.length} bytes; ${mostBytes} are allowed.`);
  const text = new TextDecoder().decode(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new PeftError('bad-file', `${source} is not valid JSON: ${(cause as Error).message}`, { cause });
  }
  const { depth } = scanJson(text);
  check(depth <= deepest, 'bad-file', () => `${source} is nested ${depth} deep; ${deepest} is allowed.`);
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  check(isObject, 'bad-file', () => `${source} does not hold a JSON object.`);
  return value as JsonObject;
}
