import { check, PeftError } from '../errors.ts';
import { bytesPerElement, isReadable } from './dtype.ts';
import { scanJson } from './json.ts';
import type { StoredTensor } from './stored-tensor.ts';

export interface Safetensors {
  readonly tensors: Map<string, StoredTensor>;
  readonly metadata: Record<string, string>;
}

/** The place of a tensor, in bytes from the end of the header. */
export interface TensorSpan {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly spans: Map<string, TensorSpan>;
  readonly metadata: Record<string, string>;
  /** The start of the data, in bytes from the start of the file. */
  readonly dataStart: number;
}

const maxHeaderBytes = 100_000_000;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The bytes of a tensor; undefined for a type that cannot be read. */
const byteSize = (dtype: string, shape: readonly number[]): number | undefined =>
  isReadable(dtype) ? shape.reduce((product, size) => product * size, bytesPerElement[dtype]) : undefined;

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/**
 * The length of the JSON header, from the first eight bytes.
 *
 * @param head at least the first 8 bytes of the file
 * @param fileBytes the size of the whole file
 * @param source the file's name, for errors
 */
export function headerLength(head: Uint8Array, fileBytes: number, source: string): number {
  check(
    fileBytes >= 8,
    'bad-file',
    () => `${source} is not a safetensors file: it has ${fileBytes} bytes, fewer than 8.`,
  );
  const length = new DataView(head.buffer, head.byteOffset, 8).getBigUint64(0, true);
  const fits = length <= BigInt(maxHeaderBytes) && length <= BigInt(fileBytes - 8);
  check(
    fits,
    'bad-file',
    () =>
      `${source} is truncated or not a safetensors file: its header claims ${length} bytes; ` +
      `the file has ${fileBytes} and the format allows ${maxHeaderBytes}.`,
  );
  return Number(length);
}

/** Parses and checks a header: every tensor's type, shape and place, without holes, overlaps or bytes left over. */
export function parseHeader(json: Uint8Array, fileBytes: number, source: string): SafetensorsHeader {
  let header: unknown;
  try {
    check(json[0] === 0x7b, 'bad-file', () => 'it does not start with "{"');
    const text = new TextDecoder('utf-8', { fatal: true }).decode(json);
    header = JSON.parse(text);
    const { duplicate } = scanJson(text);
    check(duplicate === undefined, 'bad-file', () => `${JSON.stringify(duplicate)} is in it twice`);
  } catch (cause) {
    throw new PeftError('bad-file', `${source} has a header that is not valid: ${(cause as Error).message}`, {
      cause,
    });
  }
  check(isObject(header), 'bad-file', () => `${source} has a header that is not a JSON object.`);
  const { __metadata__: found, ...entries } = header;
  const metadata = found ?? {};
  check(
    isObject(metadata) && Object.values(metadata).every(value => typeof value === 'string'),
    'bad-file',
    () => `${source}: __metadata__ must map strings to strings.`,
  );
  const dataStart = 8 + json.length;
  const spans = new Map(Object.entries(entries).map(([name, entry]) => [name, parseSpan(entry, name, source)]));
  checkCoverage(spans, fileBytes - dataStart, source);
  return { spans, metadata: metadata as Record<string, string>, dataStart };
}

function parseSpan(entry: unknown, name: string, source: string): TensorSpan {
  const fail = (what: string): never => {
    throw new PeftError('bad-file', `${source}: tensor "${name}" ${what}.`);
  };
  if (!isObject(entry)) return fail('has no description');
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string') return fail('has a dtype that is not a text');
  if (!Array.isArray(shape) || !shape.every(isCount)) return fail(`has a shape that is not a list of sizes`);
  const range = Array.isArray(offsets) && offsets.every(isCount) ? offsets : [];
  const [begin, end] = range;
  if (begin === undefined || end === undefined || range.length !== 2 || begin > end) {
    return fail('has data_offsets that are not [begin, end]');
  }
  const expected = byteSize(dtype, shape);
  if (expected !== undefined && expected !== end - begin) {
    return fail(`claims ${end - begin} bytes, but ${dtype} [${shape}] takes ${expected}`);
  }
  return { dtype, shape, begin, end };
}

function checkCoverage(spans: Map<string, TensorSpan>, dataBytes: number, source: string): void {
  let position = 0;
  for (const [name, { begin, end }] of [...spans].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    const problem = begin < position ? 'overlaps the tensor before it' : 'leaves a hole before it';
    check(
      begin === position,
      'bad-file',
      () => `${source}: tensor "${name}" ${problem} (byte ${begin}, expected ${position}).`,
    );
    position = end;
  }
  check(
    position === dataBytes,
    'bad-file',
    () =>
      `${source} is truncated or padded: its tensors take ${position} bytes, the file has ${dataBytes} after the header.`,
  );
}

/**
 * Reads a whole safetensors file. Tensors are views into `bytes`, not copies.
 *
 * @param source the file's name, for errors
 */
export function parseSafetensors(bytes: Uint8Array, source: string): Safetensors {
  const length = headerLength(bytes, bytes.length, source);
  const { spans, metadata, dataStart } = parseHeader(bytes.subarray(8, 8 + length), bytes.length, source);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { dtype, shape, begin, end }] of spans) {
    tensors.set(name, { dtype, shape, bytes: bytes.subarray(dataStart + begin, dataStart + end) });
  }
  return { tensors, metadata };
}

/** The reference implementation's order of types in a file. */
const dtypeOrder: readonly string[] = ['F64', 'I64', 'F32', 'I32', 'BF16', 'F16', 'U8', 'BOOL'];

/**
 * Writes a safetensors file as the reference implementation does, byte for byte: widest types first, then by name;
 * aligned to 8 bytes.
 *
 * @throws PeftError `bad-argument` for a name used twice, or bytes that are not those of the shape
 */
export function serializeSafetensors(
  tensors: Iterable<readonly [string, StoredTensor]>,
  metadata: Record<string, string> = {},
): Uint8Array {
  const ordered = [...tensors].sort(
    ([nameA, a], [nameB, b]) =>
      dtypeOrder.indexOf(a.dtype) - dtypeOrder.indexOf(b.dtype) || (nameA < nameB ? -1 : nameA > nameB ? 1 : 0),
  );
  const names = new Set(['__metadata__']);
  const fields = Object.keys(metadata).length > 0 ? [`"__metadata__":${JSON.stringify(metadata)}`] : [];
  let position = 0;
  for (const [name, { dtype, shape, bytes }] of ordered) {
    check(!names.has(name), 'bad-argument', () => `Two tensors are called "${name}", or it is a reserved name.`);
    names.add(name);
    const size = byteSize(dtype, shape) ?? bytes.length;
    check(
      bytes.length === size,
      'bad-argument',
      () => `"${name}": ${dtype} [${shape}] takes ${size} bytes, not ${bytes.length}.`,
    );
    const end = position + size;
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [position, end] })}`);
    position = end;
  }
  const json = new TextEncoder().encode(`{${fields.join(',')}}`);
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + position).fill(0x20, 8, 8 + headerBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(json, 8);
  let offset = 8 + headerBytes;
  for (const [, { bytes }] of ordered) {
    file.set(bytes, offset);
    offset += bytes.length;
  }
  return file;
}
