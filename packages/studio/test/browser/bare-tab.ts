import type { Browser } from 'playwright';

/** A tab that is hidden when another is in front, as in a browser that people use. Playwright keeps those that it opens visible. */
export interface BareTab {
  /** The value of an expression in its page. */
  evaluate<T>(expression: string): Promise<T>;
  /** Opens another tab in front of it. */
  hide(): Promise<void>;
}

interface Answer {
  readonly id: number;
  readonly result?: {
    readonly result: { readonly value: unknown };
    readonly exceptionDetails?: { readonly text: string };
  };
}

/** Opens a tab in a profile of its own. */
export async function openBareTab(browser: Browser, url: string): Promise<BareTab> {
  const session = await browser.newBrowserCDPSession();
  const { browserContextId } = await session.send('Target.createBrowserContext');
  const { targetId } = await session.send('Target.createTarget', { url, browserContextId });
  const { sessionId } = await session.send('Target.attachToTarget', { targetId, flatten: false });
  const waiting = new Map<number, (answer: Answer) => void>();
  session.on('Target.receivedMessageFromTarget', ({ message }) => {
    const answer = JSON.parse(message) as Answer;
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  let count = 0;
  return {
    async evaluate<T>(expression: string): Promise<T> {
      const id = ++count;
      const params = { expression, awaitPromise: true, returnByValue: true };
      const answered = new Promise<Answer>(resolve => waiting.set(id, resolve));
      const message = JSON.stringify({ id, method: 'Runtime.evaluate', params });
      await session.send('Target.sendMessageToTarget', { sessionId, message });
      const { result } = await answered;
      if (!result || result.exceptionDetails) throw new Error(`${expression}: ${result?.exceptionDetails?.text}`);
      return result.result.value as T;
    },
    async hide() {
      await session.send('Target.createTarget', { url: 'about:blank', browserContextId });
    },
  };
}
