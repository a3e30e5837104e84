import { messageOf } from '../message-of.ts';
import type { DescribedModel, FoundModel } from '../worker/protocol.ts';
import { setup } from './setup.svelte.ts';
import { endHubWorker, helper, hubWorker } from './workers.ts';

type Phase = 'idle' | 'asking' | 'found' | 'downloading';

/** The address of the Hub: of Hugging Face, unless the host of this page has another. */
async function endpointOf(): Promise<string> {
  const response = await fetch(new URL('hub.json', document.baseURI)).catch(cause => {
    const why = navigator.onLine ? 'its server does not answer' : 'you are offline';
    throw new Error(`hub.json of this page cannot be loaded: ${why}.`, { cause });
  });
  if (!response.ok) throw new Error(`hub.json cannot be loaded (${response.status}); serve the whole folder.`);
  const { endpoint }: { endpoint: string } = await response.json();
  return endpoint;
}

/** A model of the Hugging Face Hub, from its name to its weights. Nothing is asked before a click. */
class Hub {
  name = $state('');
  phase: Phase = $state('idle');
  found: FoundModel | undefined = $state.raw();
  described: DescribedModel | undefined = $state.raw();
  /** Bytes of the weights that are here. */
  received = $state(0);
  error: string | undefined = $state();
  #endpoint = '';

  /** Asks what the model is, for which its weights are not downloaded. */
  async ask(): Promise<void> {
    this.phase = 'asking';
    this.error = this.found = this.described = undefined;
    try {
      this.#endpoint = await endpointOf();
      const found = await hubWorker().call('findModel', { endpoint: this.#endpoint, model: this.name });
      this.described = await helper().call('describeModel', found);
      this.received = found.received;
      this.found = found;
      this.phase = 'found';
    } catch (cause) {
      this.error = messageOf(cause);
      this.phase = 'idle';
    }
  }

  /** Downloads what is not here, and takes the model as the backbone. */
  async use(): Promise<void> {
    const { found: model, described } = this;
    if (!model || !described) return;
    this.phase = 'downloading';
    this.error = undefined;
    try {
      const job = { endpoint: this.#endpoint, model };
      const file = await hubWorker().call('downloadModel', job, ({ bytes }) => {
        this.received = bytes;
      });
      this.received = model.size;
      setup.takeHub(described, file);
    } catch (cause) {
      this.error = messageOf(cause);
    }
    this.phase = 'found';
  }

  /** Ends a download; what has arrived is kept. */
  pause(): void {
    endHubWorker('The download was paused; what has arrived is kept.');
  }
}

export const hub = new Hub();
