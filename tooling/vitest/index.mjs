import { defineConfig } from 'vitest/config';

/** The software Vulkan driver that Debian's chromium ships; a machine with a GPU sets `VK_DRIVER_FILES` itself. */
const softwareVulkan = '/usr/lib/chromium/vk_swiftshader_icd.json';

/**
 * One vitest project per backend: the same files run on each, with `PEFT_BACKEND` naming it.
 *
 * @param {{ backends?: ('cpu' | 'wasm' | 'webgpu')[], include?: string[], timeout?: number }} [options]
 */
export function defineProject({ backends = ['cpu'], include = ['src/**/*.test.ts', 'test/**/*.test.ts'], timeout = 60_000 } = {}) {
  const setupFiles = [new URL('./setup.mjs', import.meta.url).pathname];
  return defineConfig({
    test: {
      projects: backends.map(backend => ({
        resolve: { conditions: ['@peft/source'] },
        ssr: { resolve: { conditions: ['@peft/source'] } },
        test: {
          name: backend,
          include,
          setupFiles,
          pool: 'forks',
          maxWorkers: 1,
          testTimeout: timeout,
          hookTimeout: timeout,
          env: {
            PEFT_BACKEND: backend,
            ...(backend === 'webgpu' && { VK_DRIVER_FILES: process.env.VK_DRIVER_FILES ?? softwareVulkan }),
          },
        },
      })),
    },
  });
}
