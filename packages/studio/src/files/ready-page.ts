import type { FolderFiles } from '@peft/core';
import mjs from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';

/** The files of the page by their names there, and where this page has them. */
const sources: Readonly<Record<string, string>> = {
  'index.html': './ready/index.html',
  'ready.css': './ready/ready.css',
  'ready.js': './ready/ready.js',
  'ort-wasm-simd-threaded.mjs': mjs,
  'ort-wasm-simd-threaded.wasm': wasm,
};

async function fetched(address: string): Promise<Uint8Array> {
  const response = await fetch(new URL(address, document.baseURI));
  if (!response.ok)
    throw new Error(`${address} cannot be loaded (${response.status}); the studio's folder is not whole.`);
  return new Uint8Array(await response.arrayBuffer());
}

const host = `This folder is a page that classifies pictures. Put it on any static host, or run in it:

    npx serve .        or        python3 -m http.server

and open the address that it prints. A browser does not run it from a file's address.
`;

/** The folder of a page that classifies pictures with a model. */
export async function readyPage(title: string, model: FolderFiles): Promise<FolderFiles> {
  const files: FolderFiles = {};
  for (const [name, address] of Object.entries(sources)) files[name] = await fetched(address);
  for (const [name, bytes] of Object.entries(model)) files[name] = bytes;
  const card: object = JSON.parse(new TextDecoder().decode(files['model.json']));
  const encoder = new TextEncoder();
  files['model.json'] = encoder.encode(`${JSON.stringify({ title, ...card }, null, 2)}\n`);
  files['README.txt'] = encoder.encode(host);
  return files;
}
