export { type CombineOptions, combine } from './combine.ts';
export { type LoraConfig, type LoraOptions, loraDefaults } from './config.ts';
export { lora } from './lora.ts';
