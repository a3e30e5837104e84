import { check, dims, linear, Module, Parameter, truncatedNormal, zeros } from '@peft/core';
import { type Adaptable, type Kernel, weightLayout } from '@peft/core/method';
import * as tf from '@tensorflow/tfjs-core';

/** Cuts pictures `[B, H, W, C]` into flat patches `[B, H/p * W/p, p*p*C]`, row by row. */
function patchify(images: tf.Tensor, patchSize: number): tf.Tensor {
  const [batch, height, width, channels] = dims(images, 4);
  const [rows, columns] = [height / patchSize, width / patchSize];
  const cut = tf.reshape(images, [batch, rows, patchSize, columns, patchSize * channels]);
  return tf.reshape(tf.transpose(cut, [0, 1, 3, 2, 4]), [batch, rows * columns, patchSize * patchSize * channels]);
}

/** The convolution of a patch embedding, stored as one, as a matrix over flat patches: `[..., p*p*C] -> [..., D]`. */
export class PatchProjection extends Module implements Adaptable {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly kernel: Kernel;
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(channels: number, embedDim: number, patchSize: number) {
    super();
    this.inFeatures = patchSize * patchSize * channels;
    this.outFeatures = embedDim;
    this.kernel = [channels, patchSize, patchSize];
    this.weight = new Parameter([this.inFeatures, embedDim], truncatedNormal(0.02), {
      layout: weightLayout(this.inFeatures, embedDim, this.kernel),
    });
    this.bias = new Parameter([embedDim], zeros);
  }

  forward(patches: tf.Tensor): tf.Tensor {
    return linear(patches, this.patchedWeight(this.weight.value), this.bias.value);
  }
}

/** Pictures of one size, `[B, H, W, 3]`, to tokens `[B, N, D]`; `norm`, where a model has it, follows the projection. */
export class PatchEmbed extends Module {
  readonly imageSize: readonly [height: number, width: number];
  readonly patchSize: number;
  readonly proj: PatchProjection;
  readonly norm: Module | undefined;

  constructor(imageSize: readonly [number, number], patchSize: number, embedDim: number, norm?: Module) {
    super();
    const fits = imageSize.every(size => Number.isInteger(size / patchSize) && size > 0);
    check(
      fits,
      'bad-argument',
      () => `A picture of ${imageSize.join(' x ')} cannot be cut into patches of ${patchSize}.`,
    );
    this.imageSize = imageSize;
    this.patchSize = patchSize;
    this.proj = new PatchProjection(3, embedDim, patchSize);
    this.norm = norm;
  }

  /** Rows and columns of patches. */
  get grid(): readonly [rows: number, columns: number] {
    return [this.imageSize[0] / this.patchSize, this.imageSize[1] / this.patchSize];
  }

  forward(images: tf.Tensor): tf.Tensor {
    const [height, width] = this.imageSize;
    const fits = images.rank === 4 && String(images.shape.slice(1)) === String([height, width, 3]);
    check(
      fits,
      'bad-shape',
      () =>
        `This backbone takes pictures [B, ${height}, ${width}, 3]; it was given [${images.shape}]. ` +
        'Resize the pictures, or create the backbone with another imageSize.',
    );
    const tokens = this.proj.call(patchify(images, this.patchSize)); // [B, N, D]
    return this.norm ? this.norm.call(tokens) : tokens;
  }
}
