export { type OnnxEngineOptions, onnxEngine } from './engine/node.ts';
export { type ExportInput, type ExportOptions, exportOnnx } from './export/export.ts';
