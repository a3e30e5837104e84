export { type WrappedModel, wrapLayersModel } from './wrap.ts';
