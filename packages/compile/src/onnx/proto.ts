/**
 * A writer of protocol buffers, the encoding of ONNX files: fields of numbers and bytes, nested (protobuf.dev,
 * "Encoding"). Parts are kept by reference until the end, so that large weights are copied once.
 */
export class ProtoWriter {
  readonly #parts: (Uint8Array | ProtoWriter)[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** An integer field, `int32`, `int64` or an enum: varint, negative numbers as 64-bit two's complement. */
  int(field: number, value: number): this {
    return this.#push(varint(field * 8), varint(value));
  }

  float(field: number, value: number): this {
    return this.#push(varint(field * 8 + 5), new Uint8Array(new Float32Array([value]).buffer));
  }

  bytes(field: number, value: Uint8Array): this {
    return this.#push(varint(field * 8 + 2), varint(value.byteLength), value);
  }

  string(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  /** A nested message, which must be complete. */
  message(field: number, value: ProtoWriter): this {
    return this.#push(varint(field * 8 + 2), varint(value.#size), value);
  }

  finish(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#size);
    this.#write(bytes, 0);
    return bytes;
  }

  /** Returns where it ends. */
  #write(bytes: Uint8Array, offset: number): number {
    let end = offset;
    for (const part of this.#parts) {
      if (part instanceof ProtoWriter) end = part.#write(bytes, end);
      else {
        bytes.set(part, end);
        end += part.byteLength;
      }
    }
    return end;
  }

  #push(...parts: (Uint8Array | ProtoWriter)[]): this {
    for (const part of parts) {
      this.#parts.push(part);
      this.#size += part instanceof ProtoWriter ? part.#size : part.byteLength;
    }
    return this;
  }
}

/** Seven bits in each byte, least significant first. */
function varint(value: number): Uint8Array {
  if (value >= 0 && value < 128) return Uint8Array.of(value);
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
