export { type Architecture, architectures, backbone } from './backbones.ts';
export { type ConformanceCase, type ConformanceSetting, conformance, engineConformance } from './conformance.ts';
export { type Followed, follow } from './follow.ts';
export { LayeredNet, layeredNet, Mlp } from './layered-net.ts';
export { difference, input, Net, network, run } from './net.ts';
export { listedItems, optionItems } from './option-list.ts';
export { brightestChannel, type PictureOptions, type PictureSource, tensorOf } from './pictures.ts';
export { type Expectations, movedAdapter } from './subject.ts';
