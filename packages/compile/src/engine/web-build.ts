/** What computes in a browser. */
export type WebProvider = 'wasm' | 'webgpu';

/**
 * A build of onnxruntime-web. `wasm` computes on the processor alone. The others have ONNX Runtime's own WebGPU provider too:
 * `jspi` where the browser has JavaScript Promise Integration, `asyncify`, which is larger, where it has not.
 */
export type WebBuild = 'wasm' | 'asyncify' | 'jspi';

/** URLs of the two files of a build. A `.gz` file is decompressed. */
export interface WasmFiles {
  readonly mjs?: string;
  readonly wasm?: string;
}

/** The smallest build that computes on a provider here. */
export function buildFor(provider: WebProvider): WebBuild {
  if (provider === 'wasm') return 'wasm';
  return 'Suspending' in WebAssembly ? 'jspi' : 'asyncify';
}
