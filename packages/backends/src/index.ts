export type { DawnPackage, Packages, WasmPackage, WebgpuPackage } from './packages.ts';
export { type BackendName, type BackendOptions, type StartedBackend, startBackend } from './start.ts';
export type { WasmOptions } from './wasm/start.ts';
