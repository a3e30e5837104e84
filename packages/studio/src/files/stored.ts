import type { FolderFiles } from '@peft/core';
import type { RecipeOptions, RunRecord } from '@peft/run';
import type { EngineChoice, HubModel, Part } from '../worker/protocol.ts';

/** A picture without its file, which is stored by its id. */
export interface StoredPicture {
  readonly id: string;
  readonly name: string;
  readonly label: string;
  readonly part?: Part;
  readonly hash: string;
  readonly width: number;
  readonly height: number;
}

/** All of a project but the files of its pictures and its runs. */
export interface StoredProject {
  readonly classes: readonly { readonly id: string; readonly name: string }[];
  readonly pictures: readonly StoredPicture[];
  readonly recipe: RecipeOptions;
  /** Chosen by timing unless given. */
  readonly engine?: EngineChoice;
  readonly backbone: string;
  /** The user's file of weights. */
  readonly weights?: File;
  /** Where that file is from, if it is of the Hub. */
  readonly hub?: HubModel;
  /** A run that was under way, with the losses up to its last checkpoint. */
  readonly unfinished?: { readonly run: string; readonly recipe: RecipeOptions; readonly losses: readonly number[] };
}

/** A finished run. */
export interface StoredRun {
  readonly id: string;
  readonly name: string;
  readonly record: RunRecord;
  readonly adapter: FolderFiles;
  readonly backbone: string;
  readonly weights?: File;
  readonly hub?: HubModel;
  /** Ids of the pictures that were not trained on, in the order of the predictions. */
  readonly held: readonly { readonly picture: string; readonly part: Part; readonly label: number }[];
  /** `[held, classes]` */
  readonly probabilities: Float32Array;
  readonly validation: readonly { readonly step: number; readonly accuracy: number }[];
}
