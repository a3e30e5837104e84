import { messageOf } from '../message-of.ts';
import type { Attention } from '../worker/protocol.ts';
import { adapterOf, runs } from './runs.svelte.ts';
import { helper } from './workers.ts';

/** What the attention of one picture is, before and after training. */
class AttentionState {
  seen: Attention | undefined = $state.raw();
  /** Why the backbone has none to show. */
  missing: string | undefined = $state();
  error: string | undefined = $state();
  isBusy = $state(false);
  #asked = 0;

  /** Looks at a picture with a run. An answer that comes after another question is dropped. */
  async look(picture: Blob, id: string): Promise<void> {
    const run = runs.all.find(other => other.id === id);
    if (!run) return;
    const asked = ++this.#asked;
    this.isBusy = true;
    try {
      const answer = await helper().call('attention', { adapter: adapterOf(run), picture });
      if (asked !== this.#asked) return;
      this.error = undefined;
      this.missing = 'missing' in answer ? answer.missing : undefined;
      this.seen = 'missing' in answer ? undefined : answer;
    } catch (error) {
      if (asked !== this.#asked) return;
      [this.error, this.seen, this.missing] = [messageOf(error), undefined, undefined];
    } finally {
      if (asked === this.#asked) this.isBusy = false;
    }
  }
}

export const attention = new AttentionState();
