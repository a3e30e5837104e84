export { type OnnxEngineOptions, onnxEngine } from './engine/node.ts';
