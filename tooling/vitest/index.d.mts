import type { ViteUserConfig } from 'vitest/config';

export interface ProjectOptions {
  backends?: ('cpu' | 'wasm' | 'webgpu')[];
  include?: string[];
  browser?: string[];
  timeout?: number;
}

export declare function defineProject(options?: ProjectOptions): ViteUserConfig;
