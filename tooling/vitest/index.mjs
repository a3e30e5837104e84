import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { playwright } from '@vitest/browser-playwright';
import { configDefaults, defineConfig } from 'vitest/config';

/** The software Vulkan driver that Debian's chromium ships; a machine with a GPU sets `VK_DRIVER_FILES` itself. */
const softwareVulkan = '/usr/lib/chromium/vk_swiftshader_icd.json';
const vulkanDriver = process.env.VK_DRIVER_FILES ?? (existsSync(softwareVulkan) ? softwareVulkan : undefined);

/** The loader complains about a machine without a desktop unless it has a folder of its own. */
const vulkan = { VK_DRIVER_FILES: vulkanDriver, XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? tmpdir() };

/** Why a backend's tests cannot run on this machine; nothing if they can. */
function unavailable(backend) {
  if (backend !== 'webgpu' || vulkanDriver) return undefined;
  return `no Vulkan driver: neither VK_DRIVER_FILES nor ${softwareVulkan} (Debian's chromium) is there`;
}

const chromium = process.env.PEFT_CHROMIUM ?? '/usr/bin/chromium';

/** With which a page shares memory with its workers. */
const isolation = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

/** The files in Chromium, which gives WebGPU in software where there is no GPU. */
function browserProject(include, timeout) {
  if (!existsSync(chromium)) {
    console.warn(`Tests in a browser are skipped: there is no ${chromium}, and PEFT_CHROMIUM names no other.`);
    return [];
  }
  const launchOptions = { executablePath: chromium, args: ['--enable-unsafe-webgpu', '--no-sandbox'] };
  return [
    {
      resolve: { conditions: ['@peft/source', 'module', 'browser', 'development|production'] },
      optimizeDeps: { exclude: ['onnxruntime-web'] },
      server: { headers: isolation },
      test: {
        name: 'chromium',
        include,
        testTimeout: timeout,
        hookTimeout: timeout,
        browser: {
          enabled: true,
          headless: true,
          screenshotFailures: false,
          provider: playwright({ launchOptions }),
          instances: [{ browser: 'chromium' }],
        },
      },
    },
  ];
}

/**
 * One vitest project per backend: the same files run on each, with `PEFT_BACKEND` naming it. `browser` names files that run
 * in Chromium instead. `timeout`, in ms, ends a test that hangs; it must not end one that a busy machine makes wait.
 *
 * @param {import('./index.d.mts').ProjectOptions} [options]
 */
export function defineProject({
  backends = ['cpu'],
  include = ['src/**/*.test.ts', 'test/**/*.test.ts'],
  browser = [],
  timeout = 600_000,
} = {}) {
  const setupFiles = [new URL('./setup.mjs', import.meta.url).pathname];
  const available = backends.filter(backend => {
    const reason = unavailable(backend);
    if (reason) console.warn(`Tests on ${backend} are skipped: ${reason}.`);
    return !reason;
  });
  return defineConfig({
    test: {
      projects: [
        ...available.map(backend => ({
          resolve: { conditions: ['@peft/source'] },
          ssr: { resolve: { conditions: ['@peft/source', 'node'] } },
          test: {
            name: backend,
            include,
            exclude: [...configDefaults.exclude, ...browser],
            setupFiles,
            pool: 'forks',
            maxWorkers: 1,
            testTimeout: timeout,
            hookTimeout: timeout,
            env: { PEFT_BACKEND: backend, ...(backend === 'webgpu' && vulkan) },
          },
        })),
        ...(browser.length > 0 ? browserProject(browser, timeout) : []),
      ],
    },
  });
}
