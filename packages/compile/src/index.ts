export type { StorageOptions } from './engine/engine.ts';
export { type OnnxEngineOptions, onnxEngine } from './engine/node.ts';
export { type PickedWebEngine, type PickOptions, pickWebEngine, type TrialEvent } from './engine/pick.ts';
export type { WebWorker } from './engine/thread.ts';
export { type OnnxWebEngineOptions, onnxWebEngine, type WasmPaths } from './engine/web.ts';
export type { WasmFiles, WebBuild, WebProvider } from './engine/web-build.ts';
export { type ExportInput, type ExportOptions, exportOnnx } from './export/export.ts';
