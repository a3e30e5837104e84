/** The rules of who may import whom: `pnpm imports` checks them, types included. */
import { readdirSync, readFileSync } from 'node:fs';

/** The packages that each may import. One without a row here is a method, which depends on core alone. */
const below = {
  pico: [],
  core: [],
  backbones: ['core', 'pico'],
  data: ['core', 'pico'],
  train: ['core'],
  compile: ['core'],
  backends: ['core'],
  layers: ['core'],
  run: ['core', 'lora', 'neat', 'lily', 'heat', 'pear', 'backbones', 'data', 'train', 'compile', 'backends'],
  studio: ['core', 'pico', 'backbones', 'data', 'train', 'compile', 'backends', 'run', 'report'],
  vtab: ['core', 'run'],
  report: ['run'],
  sweep: ['core', 'data', 'train', 'run'],
  cli: ['.+'],
};

const packages = readdirSync('packages');
const oneOf = names => `(${names.join('|')})`;
const literal = path => path.replaceAll('.', '\\.');

const tests = '\\.test\\.ts$';

/** A package imports the packages below it and itself. Its tests, and the tools of the house, import any. */
const downward = packages.map(name => ({
  name: `downward-${name}`,
  comment: `@peft/${name} imports only packages below it: ${(below[name] ?? ['core']).join(', ') || 'none'}.`,
  severity: 'error',
  from: { path: `^packages/${name}/src/`, pathNot: tests },
  to: {
    path: '^(packages|tooling|docs|examples)/',
    pathNot: `^packages/${oneOf([name, ...(below[name] ?? ['core'])])}/`,
  },
}));

/** The files that a package exports. */
const entriesOf = name =>
  Object.values(JSON.parse(readFileSync(`packages/${name}/package.json`, 'utf8')).exports)
    .map(entry => (typeof entry === 'string' ? entry : entry['@peft/source']))
    .filter(Boolean)
    .map(file => `^${literal(`packages/${name}/${file.slice(2)}`)}$`);

/** Source that Node alone runs. Elsewhere `process.getBuiltinModule` gives Node's modules where there are any. */
const nodeOnly = [
  '^packages/[^/]+/src/node/',
  '^packages/cli/src/',
  '^packages/compile/src/engine/(node\\.ts|node-worker\\.mjs)$',
  '^packages/studio/src/server/',
];

/** Source that runs in Node and in browsers, and names types of Node's workers. */
const nodeTypes = [
  '^packages/compile/src/engine/thread\\.ts$',
  '^packages/backends/src/wasm/threads/helper-thread\\.ts$',
];

export default {
  forbidden: [
    ...downward,
    {
      name: 'entries',
      comment: 'A package is imported by its entries; tests may share the helpers in its test/ folder.',
      severity: 'error',
      from: { path: '^((?:packages|tooling|docs/examples|examples)/[^/]+)/' },
      to: { path: '^packages/', pathNot: ['^$1/', ...packages.flatMap(entriesOf), '^packages/[^/]+/test/'] },
    },
    {
      name: 'examples',
      comment: 'What people copy imports packages by their entries, and nothing else of the house.',
      severity: 'error',
      from: { path: '^(examples/[^/]+)/', pathNot: [tests, '/vitest\\.config\\.ts$'] },
      to: { path: '^(packages|tooling|docs|examples)/', pathNot: ['^$1/', ...packages.flatMap(entriesOf)] },
    },
    {
      name: 'test-helpers',
      comment:
        'Only tests and tooling import what lies in a test/ folder, and tests themselves are imported by nothing.',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: tests },
      to: { path: ['^packages/[^/]+/test/', tests] },
    },
    {
      name: 'node',
      comment: 'Browsers run the rest: Node is imported below a node/ folder, in the CLI and by the Node engine.',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: [tests, ...nodeOnly, ...nodeTypes] },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'node-types',
      comment: 'These files run in browsers too: they import types of Node and nothing else of it.',
      severity: 'error',
      from: { path: nodeTypes },
      to: { dependencyTypes: ['core'], dependencyTypesNot: ['type-only', 'type-import'] },
    },
    {
      name: 'node-entry',
      comment: 'What lies below a node/ folder is imported from there, by the CLI and by tests.',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: [tests, ...nodeOnly] },
      to: { path: '^packages/[^/]+/src/node/' },
    },
    {
      name: 'onnxruntime',
      comment:
        'ONNX Runtime stands behind @peft/compile; the CLI checks exports with it, and the page that the studio gives away runs one.',
      severity: 'error',
      from: {
        path: '^packages/[^/]+/src/',
        pathNot: [tests, '^packages/(compile|cli)/', '^packages/studio/src/ready/'],
      },
      to: { path: '/node_modules/onnxruntime-' },
    },
    {
      name: 'backends',
      comment: 'The backends of TensorFlow.js stand behind @peft/backends.',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: [tests, '^packages/backends/'] },
      to: { path: '/node_modules/@tensorflow/tfjs-(backend|node)' },
    },
    {
      name: 'no-cycle',
      comment: 'No file imports itself by way of others, not even for a type.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolved',
      comment: 'An import that is not found escapes all other rules.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^#|^vite/client$|[?]url$' }, // `#gradients` and `#kernels` are built; Vite has the rest
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(packages|tooling|docs|examples)/.*/(dist|generated)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@peft/source', 'import', 'default'],
      extensions: ['.ts', '.mjs', '.js'],
    },
  },
};
