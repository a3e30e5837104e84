import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { withFileList, withLicense, withPolicy } from './build/plugins.ts';

/** Sources of the workspace, and ONNX Runtime's small script: its wasm files are fetched by URL. */
const conditions = ['@peft/source', 'onnxruntime-web-use-extern-wasm', 'module', 'browser', 'development|production'];

/** With which a page shares memory with its workers. */
const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

export default defineConfig({
  base: './', // it works below any path
  plugins: [svelte(), withPolicy(), withLicense(), withFileList()],
  resolve: { conditions },
  worker: { format: 'es' },
  optimizeDeps: { exclude: ['onnxruntime-web'] },
  build: {
    outDir: 'dist/app',
    target: 'es2023',
    assetsInlineLimit: 0,
    rollupOptions: {
      input: { index: 'index.html', 'service-worker': 'src/service/service-worker.ts' },
      output: {
        entryFileNames: ({ name }) => (name === 'service-worker' ? '[name].js' : 'assets/[name]-[hash].js'),
      },
    },
  },
  server: { headers },
  preview: { headers },
});
