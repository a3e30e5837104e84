import { describe, expect, test } from 'vitest';
import { RemoteRunner } from './remote-runner.ts';
import type { Thread } from './thread.ts';

interface Message {
  id: number;
  method: string;
}

/** A thread under the test's control, which answers nothing by itself. */
class FakeThread implements Thread {
  readonly posted: Message[] = [];
  held = false;
  ended = false;
  reply: (message: unknown) => void = () => {};
  fail: (reason: unknown) => void = () => {};

  post(message: unknown): void {
    this.posted.push(structuredClone(message) as Message);
  }

  listen(reply: FakeThread['reply'], fail: FakeThread['fail']): void {
    Object.assign(this, { reply, fail });
  }

  hold(busy: boolean): void {
    this.held = busy;
  }

  async end(): Promise<void> {
    this.ended = true;
  }
}

describe('a runner in another thread', () => {
  test('keeps the process alive only while something is under way, and answers in any order', async () => {
    const thread = new FakeThread();
    const runner = new RemoteRunner(thread);
    const [first, second] = [runner.get([1]), runner.get([2])];
    expect(thread.held).toBe(true);
    thread.reply({ id: 2, result: 'b' });
    thread.reply({ id: 1, result: 'a' });
    expect(await Promise.all([first, second])).toEqual(['a', 'b']);
    expect(thread.held).toBe(false);
  });

  test('fails what is under way when the thread fails, and all after it', async () => {
    const thread = new FakeThread();
    const runner = new RemoteRunner(thread);
    const running = runner.run(1, {});
    thread.fail(new Error('out of memory'));
    await expect(running).rejects.toMatchObject({ code: 'state', message: 'ONNX Runtime failed: out of memory' });
    await expect(runner.drop([1])).rejects.toThrow('out of memory');
    await runner.close();
    expect(thread.ended).toBe(true);
  });

  test('is over when it is closed, though a worker of a page never says that it ended', async () => {
    const thread = new FakeThread();
    const runner = new RemoteRunner(thread);
    const closing = runner.close();
    thread.reply({ id: 1 });
    await closing;
    await expect(runner.run(1, {})).rejects.toThrow('The engine was disposed of.');
    await runner.close();
  });

  test('leaves nothing waiting when something cannot be sent', async () => {
    const thread = new FakeThread();
    const runner = new RemoteRunner(thread);
    await expect(runner.run(1, { x: (() => {}) as never })).rejects.toThrow();
    expect(thread.held).toBe(false);
  });

  test('says what to install where the package is missing', async () => {
    const thread = new FakeThread();
    const opening = new RemoteRunner(thread).open({});
    thread.reply({ id: 1, error: new Error("Cannot find package 'onnxruntime-node' imported from x") });
    await expect(opening).rejects.toMatchObject({ code: 'missing', message: expect.stringContaining('Install it') });
  });
});
