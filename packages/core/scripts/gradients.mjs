/**
 * Writes `generated/gradients.js`: TensorFlow.js' own gradient definitions as an array.
 *
 * tfjs-core's Node entry registers no gradient, and its `dist/gradients/*` modules do not resolve in Node's ESM loader.
 * They are bundled here with everything they use mapped back to the public `@tensorflow/tfjs-core`, so that nothing of
 * tfjs is doubled and one engine is shared.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { build } from 'esbuild';

const require = createRequire(import.meta.url);
const root = dirname(require.resolve('@tensorflow/tfjs-core/package.json'));
const tf = require('@tensorflow/tfjs-core');
const output = new URL('../generated/gradients.js', import.meta.url).pathname;
const list = readFileSync(join(root, 'dist/register_all_gradients.js'), 'utf8').split('\n//# sourceMappingURL')[0];
const imports = [...list.matchAll(/import \{ (\w+) \} from '(\.\/gradients\/\w+)';/g)];

const entry = [
  ...imports.map(([, name, file]) => `import { ${name} } from '${join(root, 'dist', file)}.js';`),
  `export const gradientConfigs = [${imports.map(([, name]) => name).join(', ')}];`,
].join('\n');

const namespace = name =>
  `import { ${name} } from '@tensorflow/tfjs-core'; export const { ${Object.keys(tf[name])} } = ${name};`;

/** Internal modules whose content the public package exports under another shape. */
const standIns = {
  engine: `import { engine } from '@tensorflow/tfjs-core'; export const ENGINE = engine();`,
  environment: `export { env, ENV } from '@tensorflow/tfjs-core';`,
  tensor: `import { Tensor } from '@tensorflow/tfjs-core'; export const getGlobalTensorClass = () => Tensor;`,
  tensor_util: namespace('tensor_util'),
  base: `export * from '@tensorflow/tfjs-core';`,
  kernel_names: `export * from '@tensorflow/tfjs-core';`,
  util: namespace('util'),
  util_base: namespace('util'),
  'ops/operation': `export { op, OP_SCOPE_SUFFIX } from '@tensorflow/tfjs-core';`,
  'ops/broadcast_util': namespace('broadcast_util'),
};

const publicTensorflow = {
  name: 'public-tfjs',
  setup(bundle) {
    bundle.onResolve({ filter: /^\.\.?\// }, args => {
      const path = resolve(args.resolveDir, args.path);
      const module = relative(join(root, 'dist'), path);
      if (module in standIns) return { path: module, namespace: 'stand-in' };
      const name = module
        .split('/')
        .pop()
        .replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
      if (module.startsWith('ops/') && typeof tf[name] === 'function') {
        return { path: '@tensorflow/tfjs-core', external: true };
      }
      return { path: `${path}.js` };
    });
    bundle.onLoad({ filter: /.*/, namespace: 'stand-in' }, args => ({
      contents: standIns[args.path],
      resolveDir: root,
    }));
  },
};

await build({
  stdin: { contents: entry, resolveDir: root },
  outfile: output,
  minify: true,
  bundle: true,
  format: 'esm',
  platform: 'neutral',
  external: ['@tensorflow/tfjs-core'],
  plugins: [publicTensorflow],
});

writeFileSync(
  output.replace(/js$/, 'd.ts'),
  "import type { GradConfig } from '@tensorflow/tfjs-core';\nexport declare const gradientConfigs: GradConfig[];\n",
);
