import { onnxEngine } from '@peft/compile';
import { PeftError } from '@peft/core';
import { openEngine } from '@peft/run/node';
import { beforeEach, describe, expect, test, vi } from 'vitest';

vi.mock('@peft/compile', async original => {
  const real = await original<typeof import('@peft/compile')>();
  return { ...real, onnxEngine: vi.fn(real.onnxEngine) };
});

const notes: string[] = [];
const missing = new PeftError('missing', 'onnxEngine needs the package onnxruntime-node, which is not installed.');

/** The name of the engine that is opened; it is ended at once. */
async function opened(engine: string, more: { provider?: 'webgpu' | 'cuda' } = {}): Promise<string> {
  const { name, dispose } = await openEngine(
    { engine: engine as 'auto', provider: 'cpu', threads: 2, frozenDtype: 'f32', ...more },
    text => notes.push(text),
  ).then(found => ({ name: found.name, dispose: () => found.dispose() }));
  await dispose();
  return name;
}

beforeEach(() => {
  notes.length = 0;
});

describe('the engine', () => {
  test('is ONNX Runtime where it is installed, and says so', async () => {
    expect(await opened('auto')).toBe('onnxruntime-node (cpu, 2 threads)');
    expect(notes).toEqual([
      'Engine: onnxruntime-node (cpu, 2 threads) (onnxruntime is installed: steps are recorded once and run there)',
    ]);
  });

  test('is a backend of TensorFlow.js where it is not, and says why', async () => {
    vi.mocked(onnxEngine).mockRejectedValueOnce(missing);
    expect(await opened('auto')).toMatch(/^tfjs (wasm|webgpu)$/);
    expect(notes[0]).toBe('onnxruntime-node is not installed; with it steps are faster: npm install onnxruntime-node');
    expect(notes[1]).toMatch(/^Engine: tfjs (wasm, 2 threads|webgpu) \(the fastest that starts here/);
  });

  test('with a provider that is not there is an error, not another engine', async () => {
    await expect(opened('auto', { provider: 'cuda' })).rejects.toThrow(/onnxruntime-node cannot use "cuda" here/);
    await expect(opened('wasm', { provider: 'webgpu' })).rejects.toThrow(/Provider webgpu is of ONNX Runtime/);
  });

  test('that was asked for by name is that one, or an error', async () => {
    vi.mocked(onnxEngine).mockRejectedValueOnce(missing);
    await expect(opened('onnx')).rejects.toBe(missing);
    expect(await opened('wasm')).toBe('tfjs wasm');
    expect(notes).toEqual(['Engine: tfjs wasm, 2 threads (asked for)']);
  });
});
