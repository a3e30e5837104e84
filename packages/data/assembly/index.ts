// Kernels of pictures, in a memory that the host lays out. Addresses are in bytes; nothing is allocated here.
export { normalize } from './normalize';
export { resampleColumns, resampleRow } from './resample';
