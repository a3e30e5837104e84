/** The decoder of HEIC pictures: libheif and libde265 as wasm, LGPL, in two files of their own that load when this is called. */
import { checkPixels, defaultMaxPixels } from '@peft/data';
import type { heif_error, heif_image, heif_image_handle, MainModule } from 'libheif-js/libheif-wasm/libheif.js';
import wasm from 'libheif-js/libheif-wasm/libheif.wasm?url';

/** What libheif gives of a picture whose channels are interleaved. */
interface Decoded {
  readonly image: heif_image;
  readonly channels: readonly {
    readonly width: number;
    readonly height: number;
    /** Bytes from row to row. */
    readonly stride: number;
    readonly data: Uint8Array;
  }[];
}

async function load(): Promise<MainModule> {
  try {
    const [{ default: open }, response] = await Promise.all([
      import('libheif-js/libheif-wasm/libheif.js'),
      fetch(new URL(wasm, import.meta.url)),
    ]);
    if (!response.ok) throw new Error(`The server answered ${response.status}.`);
    return open({ wasmBinary: await response.arrayBuffer() });
  } catch (cause) {
    throw new Error(
      'The decoder of HEIC pictures is not here yet, and could not be loaded; go online and add them again, or use JPEG files.',
      { cause },
    );
  }
}

let loading: Promise<MainModule> | undefined;

function libheif(): Promise<MainModule> {
  loading ??= load().catch(error => {
    loading = undefined; // the next picture tries again
    throw error;
  });
  return loading;
}

const isError = (answer: object): answer is heif_error => 'code' in answer && 'message' in answer;

/** The answer of libheif, unless it is an error. */
function checked<T extends object>(answer: T | heif_error): T {
  if (isError(answer)) throw new Error(`The HEIC file cannot be decoded: ${String(answer.message).trim()}.`);
  return answer;
}

function pixelsOf({ channels }: Decoded): ImageData {
  const [channel] = channels;
  if (!channel) throw new Error('The HEIC file holds no colors.');
  const { width, height, stride, data } = channel;
  const pixels = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y++) pixels.set(data.subarray(y * stride, y * stride + 4 * width), 4 * y * width);
  return new ImageData(pixels, width, height);
}

/**
 * Decodes the main picture of a HEIC file, as RGBA with 8 bits each, turned, mirrored and cut as the file says.
 *
 * @throws Error for a file that is damaged or too large, and where the decoder cannot be loaded
 */
export async function decodeHeic(bytes: Uint8Array): Promise<{ pixels: ImageData; isOpaque: boolean }> {
  const heif = await libheif();
  const context = heif.heif_context_alloc();
  try {
    const read = heif.heif_context_read_from_memory(context, bytes);
    if (read.code !== heif.heif_error_code.heif_error_Ok) checked(read);
    const handle = checked<heif_image_handle>(heif.heif_js_context_get_primary_image_handle(context));
    try {
      checkPixels(
        heif.heif_image_handle_get_width(handle),
        heif.heif_image_handle_get_height(handle),
        defaultMaxPixels,
      );
      const decoded = checked<Decoded>(
        await heif.heif_js_decode_image2(
          handle,
          heif.heif_colorspace.heif_colorspace_RGB,
          heif.heif_chroma.heif_chroma_interleaved_RGBA,
        ),
      );
      try {
        return { pixels: pixelsOf(decoded), isOpaque: !heif.heif_image_handle_has_alpha_channel(handle) };
      } finally {
        heif.heif_image_release(decoded.image);
      }
    } finally {
      heif.heif_image_handle_release(handle);
    }
  } finally {
    heif.heif_context_free(context);
  }
}
