export { type LilyConfig, type LilyOptions, lilyDefaults } from './config.ts';
export { lily } from './lily.ts';
