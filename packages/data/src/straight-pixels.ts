/** A context that reads bitmaps; undefined where there is none. It is made once: a page has few. */
let shared: WebGL2RenderingContext | null | undefined;

function contextOf(): WebGL2RenderingContext | null {
  if (shared?.isContextLost()) shared = undefined;
  if (shared === undefined) shared = new OffscreenCanvas(1, 1).getContext('webgl2', { antialias: false, depth: false });
  return shared;
}

/**
 * The colors and the opacity of a bitmap as they are stored, `[height, width, 4]`. A 2D canvas multiplies colors by their opacity, and so
 * forgets those of clear pixels; WebGL does not.
 *
 * @returns undefined where there is no WebGL 2, or the bitmap is larger than it takes
 */
export function straightPixels(bitmap: ImageBitmap): Uint8Array | undefined {
  const { width, height } = bitmap;
  const gl = contextOf();
  if (!gl || Math.max(width, height) > (gl.getParameter(gl.MAX_TEXTURE_SIZE) as number)) return undefined;
  const [texture, framebuffer] = [gl.createTexture(), gl.createFramebuffer()];
  try {
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
    gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
    if (gl.checkFramebufferStatus(gl.FRAMEBUFFER) !== gl.FRAMEBUFFER_COMPLETE) return undefined;
    const pixels = new Uint8Array(width * height * 4);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    return gl.getError() === gl.NO_ERROR ? pixels : undefined;
  } finally {
    gl.deleteFramebuffer(framebuffer);
    gl.deleteTexture(texture);
  }
}
