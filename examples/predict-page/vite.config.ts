import { defineConfig } from 'vite';

export default defineConfig({
  base: './', // it works below any path
  optimizeDeps: { exclude: ['onnxruntime-web'] }, // leaves its files where it looks for them
});
