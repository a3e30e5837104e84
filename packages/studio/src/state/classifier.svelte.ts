import { showable } from '../files/prepare.ts';
import { messageOf } from '../message-of.ts';
import type { Predicted } from '../worker/protocol.ts';
import { adapterOf, runs } from './runs.svelte.ts';
import { helper } from './workers.ts';

/** What the runs make of one picture. */
class Classifier {
  picture: Blob | undefined = $state.raw();
  results: readonly Predicted[] = $state.raw([]);
  error: string | undefined = $state();
  /** Whether every run is asked, or that which is shown. */
  all = $state(false);
  #isBusy = false;

  /** Classifies a file, and shows it. */
  async show(file: Blob): Promise<void> {
    try {
      this.picture = await showable(file);
    } catch (error) {
      this.error = messageOf(error);
      return;
    }
    await this.#classify(this.picture);
  }

  /** Classifies a frame of the camera, unless one before it is still computed. */
  async showFrame(frame: Blob): Promise<void> {
    if (this.#isBusy) return;
    this.picture = frame;
    await this.#classify(frame);
  }

  /** Classifies the picture again, by other runs. */
  async again(): Promise<void> {
    if (this.picture) await this.#classify(this.picture);
  }

  async #classify(picture: Blob): Promise<void> {
    this.#isBusy = true;
    try {
      const asked = this.all ? runs.all : runs.shown ? [runs.shown] : [];
      const results = await helper().call('predict', { adapters: asked.map(adapterOf), pictures: [picture] });
      const isPicture = results.every(({ probabilities }) => !Number.isNaN(probabilities[0]));
      this.error = isPicture
        ? undefined
        : 'This file is no picture that the browser can decode; use a JPEG, PNG or WebP file.';
      this.results = isPicture ? results : [];
      if (!isPicture) this.picture = undefined;
    } catch (error) {
      this.error = messageOf(error);
    } finally {
      this.#isBusy = false;
    }
  }
}

export const classifier = new Classifier();
