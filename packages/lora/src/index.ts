export { type CombineOptions, combine } from './combine.ts';
export type { LoraConfig, LoraOptions } from './config.ts';
export { type LoraMethod, lora } from './lora.ts';
