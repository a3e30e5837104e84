import { defineConfig } from 'vite';

/** The page that the studio gives away with a trained model: three files that need no others of the build. */
export default defineConfig({
  root: 'src/ready',
  base: './',
  resolve: {
    conditions: ['@peft/source', 'onnxruntime-web-use-extern-wasm', 'module', 'browser', 'development|production'],
  },
  build: {
    outDir: '../../dist/app/ready',
    emptyOutDir: true,
    target: 'es2023',
    modulePreload: false,
    rollupOptions: { output: { entryFileNames: 'ready.js', assetFileNames: 'ready[extname]' } },
  },
});
