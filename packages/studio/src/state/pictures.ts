import type { StoredPicture } from '../files/stored.ts';

export interface PictureClass {
  readonly id: string;
  readonly name: string;
}

/** A picture of the user's, with its file and a small copy. It is never changed. */
export interface Picture extends StoredPicture {
  readonly blob: Blob;
  readonly thumb: Blob;
}

/** A project's pictures and classes at one moment. */
export interface Pictures {
  readonly classes: readonly PictureClass[];
  readonly pictures: readonly Picture[];
}
