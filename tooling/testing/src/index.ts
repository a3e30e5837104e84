export { type Architecture, architectures, backbone } from './backbones.ts';
export { type ConformanceCase, type ConformanceSetting, conformance } from './conformance.ts';
export { difference, input, Net, network, run } from './net.ts';
export { type Expectations, movedAdapter } from './subject.ts';
