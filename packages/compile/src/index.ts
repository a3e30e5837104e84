export { type OnnxEngineOptions, onnxEngine } from './engine/node.ts';
export { type PickedWebEngine, type PickOptions, pickWebEngine } from './engine/pick.ts';
export { type OnnxWebEngineOptions, onnxWebEngine } from './engine/web.ts';
export { type ExportInput, type ExportOptions, exportOnnx } from './export/export.ts';
