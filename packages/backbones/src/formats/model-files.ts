import type { JsonObject } from '@peft/core';

/** The configuration files of a model's folder, as they are: of timm, or of transformers. */
export type ModelFiles =
  | {
      readonly format: 'timm';
      /** `config.json`. */
      readonly config: JsonObject;
    }
  | {
      readonly format: 'transformers';
      /** `config.json`. */
      readonly config: JsonObject;
      /** `preprocessor_config.json`, if there is one. */
      readonly processor: JsonObject | undefined;
    };
