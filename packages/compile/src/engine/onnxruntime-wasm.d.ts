/** The build of onnxruntime-web without WebGPU: its entry for Node, and for browsers the entry `wasm`. */
export * from 'onnxruntime-web';
