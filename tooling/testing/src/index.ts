export { type ConformanceCase, conformance, movedAdapter } from './conformance.ts';
export { difference, input, Net, network, run } from './net.ts';
