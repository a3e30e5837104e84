import { describe, expect, test } from 'vitest';
import { net } from '../../test/nets.ts';
import {
  adapt,
  adaptformer,
  attachAdapterFolder,
  type FolderFiles,
  key,
  type MethodFactory,
  readAdapterFolder,
  type StoredTensor,
  serializeSafetensors,
  toFloat32,
  writeAdapterFolder,
} from '../index.ts';
import { planAdapter } from '../method/index.ts';
import { fromFloat32 } from './dtype.ts';
import { scanJson } from './json.ts';
import { parseSafetensors } from './safetensors.ts';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A file of a header as it is written here, and so many bytes. */
function fileOf(header: string, bytes: number): Uint8Array {
  const json = encode(header);
  const file = new Uint8Array(8 + json.length + bytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  return file;
}

const options = { targets: ['proj'], r: 2, act: 'identity' } as const;

async function folder(): Promise<FolderFiles> {
  const model = adapt(net());
  await model.add('default', adaptformer(options), { key: key(0) });
  return writeAdapterFolder(model);
}

/** The folder with a part of its peft.json changed. */
async function changed(
  change: (entry: Record<string, unknown>, json: Record<string, unknown>) => void,
): Promise<FolderFiles> {
  const files = await folder();
  const json = JSON.parse(new TextDecoder().decode(files['peft.json']));
  change(json.adapters[0], json);
  return { ...files, 'peft.json': encode(JSON.stringify(json)) };
}

const nested = (depth: number): object =>
  depth === 0 ? {} : { base: nested(depth - 1), type: 'adaptformer', config: {} };

describe('peft.json is checked at the door', () => {
  test.each<[string, (entry: Record<string, unknown>, json: Record<string, unknown>) => void, string]>([
    [
      'a name',
      entry => Object.assign(entry, { name: 3 }),
      'here/peft.json: adapters[0]: name is 3; it must be a string.',
    ],
    ['a path for a name', entry => Object.assign(entry, { name: '../x' }), `"../x" is not an adapter's name`],
    ['a weight', entry => Object.assign(entry, { weight: '1' }), 'adapters[0]: weight is "1"; it must be a number.'],
    ['a config', entry => Object.assign(entry, { config: [] }), 'adapters[0]: config is []; it must be an object'],
    [
      'an inherited type',
      entry => Object.assign(entry, { type: 'constructor' }),
      'holds an adapter of type constructor',
    ],
    [
      'an option',
      entry => Object.assign(entry.config as object, { r: '2' }),
      'here/peft.json: adapter "default": adaptformer: r is "2"',
    ],
    ['a depth', entry => Object.assign(entry, nested(20)), 'methods are nested more than 8 deep'],
    [
      'a deeper one',
      entry => Object.assign(entry, { base: nested(2000) }),
      'here/peft.json is nested 2004 deep; 100 is allowed.',
    ],
    [
      'labels',
      (_, json) => Object.assign(json, { model: { labels: 3 } }),
      'peft.json: model: labels is 3; it must be a list of strings.',
    ],
    [
      'a label',
      (_, json) => Object.assign(json, { model: { labels: ['a', null] } }),
      'labels[1] is null; it must be a string.',
    ],
    [
      'one name twice',
      (entry, json) => Object.assign(json, { adapters: [entry, entry] }),
      'two adapters have one name',
    ],
  ])('%s of a wrong kind is named', async (_, change, message) => {
    const files = await changed(change);
    expect(() => readAdapterFolder(files, 'here', [adaptformer])).toThrow(
      expect.objectContaining({ name: 'PeftError', message: expect.stringContaining(message) }),
    );
  });

  test('a rank that the tensors do not have costs no memory', async () => {
    const model = adapt(net());
    const files = await changed(entry => Object.assign(entry.config as object, { r: 10_000_000 }));
    const before = process.memoryUsage.rss();
    await expect(attachAdapterFolder(model, readAdapterFolder(files, 'here', [adaptformer]))).rejects.toThrow(
      'layers.0.proj.A is [2,6], should be [10000000,6]',
    );
    expect(process.memoryUsage.rss() - before).toBeLessThan(4e8);
    expect(model.adapters.size).toBe(0);
  });
});

test('200,000 tensors that no model has are refused in a short message', async () => {
  const files = await folder();
  const header = Object.fromEntries(
    Array.from({ length: 200_000 }, (_, i) => [`t${i}`, { dtype: 'F32', shape: [0], data_offsets: [0, 0] }]),
  );
  const { 'peft.json': _, ...bare }: FolderFiles = {
    ...files,
    'adapter_model.safetensors': fileOf(JSON.stringify(header), 0),
  };
  const own: MethodFactory = Object.assign(() => adaptformer(options), {
    type: 'own',
    peftType: 'ADAPTFORMER',
    read: () => ({ method: adaptformer(options) }),
  });
  const message = await attachAdapterFolder(adapt(net()), readAdapterFolder(bare, 'here', [own])).catch(
    (error: Error) => error.message,
  );
  expect(message).toMatch(/and 19\d{4} more/);
  expect(String(message).length).toBeLessThan(2000);
});

describe('numbers that are not finite', () => {
  test('are not saved', async () => {
    const model = adapt(net());
    const adapter = await model.add('default', adaptformer(options), { key: key(0) });
    const { B } = adapter.plan.byTarget[0].parameters;
    B.set(new Float32Array(B.size).fill(Number.NaN));
    await expect(writeAdapterFolder(model)).rejects.toThrow(
      'Adapter "default": layers.0.proj.B has values that are not finite: its training diverged. It is not saved.',
    );
  });

  test('are not read', async () => {
    const { 'peft.json': peftJson, ...files } = await folder();
    const { tensors } = parseSafetensors(files['adapter_model.safetensors'], 'x');
    const key0 = [...tensors.keys()][0];
    const values = toFloat32(tensors.get(key0)!).slice().fill(Number.POSITIVE_INFINITY);
    tensors.set(key0, fromFloat32(values, tensors.get(key0)!.shape));
    const model = adapt(net());
    const read = readAdapterFolder({ ...files, 'peft.json': peftJson }, 'here', [adaptformer]);
    const [first] = read.adapters;
    const stripped = new Map([...tensors].map(([name, tensor]) => [name.replace('base_model.model.', ''), tensor]));
    const broken = { ...read, adapters: [{ ...first, file: { ...first.file, tensors: stripped } }] };
    await expect(attachAdapterFolder(model, broken)).rejects.toThrow(
      'has values that are not finite: its training diverged',
    );
    expect(model.adapters.size).toBe(0);
  });
});

describe('a safetensors file', () => {
  test.each([
    [
      'a tensor',
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
    ],
    [
      'an escaped name',
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
    ],
    ['a field', '{"b":{"dtype":"U8","a":1,"a":2,"shape":[1],"data_offsets":[0,1]}}'],
  ])('that has %s twice is refused', (_, header) => {
    expect(() => parseSafetensors(fileOf(header, 1), 'here')).toThrow(
      'here has a header that is not valid: "a" is in it twice',
    );
  });

  test('may have null for its metadata', () => {
    const file = fileOf('{"__metadata__":null,"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1);
    expect(parseSafetensors(file, 'here')).toMatchObject({ metadata: {} });
  });

  test('has its doubles read as floats', () => {
    const bytes = new Uint8Array(Float64Array.of(1.5, -1e300, 0.1).buffer);
    const double: StoredTensor = { dtype: 'F64', shape: [3], bytes };
    const { tensors } = parseSafetensors(serializeSafetensors([['a', double]]), 'here');
    expect([...toFloat32(tensors.get('a')!)]).toEqual([1.5, Number.NEGATIVE_INFINITY, Math.fround(0.1)]);
  });

  test('may hold tensors of other types, as long as nobody asks for them', () => {
    const header =
      '{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}';
    const { tensors } = parseSafetensors(fileOf(header, 3), 'here');
    expect([...toFloat32(tensors.get('b')!)]).toEqual([0]);
    expect(() => toFloat32(tensors.get('a')!)).toThrow('A tensor of type F4 cannot be read');
  });
});

test('what JSON.parse does not tell: keys that are there twice, and depth', () => {
  expect(scanJson('{"a":{"b":[1,"a"],"a":{}},"c":"a\\\\\\"{[","b":1}')).toEqual({ duplicate: undefined, depth: 3 });
  expect(scanJson('[{"a":1},{"a":{"x":1,"x":2}}]')).toEqual({ duplicate: 'x', depth: 3 });
});

test('a plan of any rank costs nothing', () => {
  expect(planAdapter(net(), adaptformer({ ...options, r: 10_000_000 })).parameters.size).toBe(4);
});
