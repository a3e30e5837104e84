/** All that computes in the studio. It is loaded when it is first needed, and the page never waits for it. */
import { partsOf } from './datasets.ts';
import { describe } from './describe.ts';
import { exportMerged, exportOnnxModel } from './export.ts';
import { plan } from './plan.ts';
import { predict } from './predict.ts';
import type { Part, SplitJob } from './protocol.ts';
import { recognize } from './recognize.ts';
import { sample } from './sample.ts';
import { serve } from './serve.ts';
import { stop, train } from './train.ts';

const split = ({ pictures, seed }: SplitJob): readonly Part[] => partsOf(pictures, seed);

serve({ describe, split, recognize, plan, sample, train, stop, predict, exportOnnx: exportOnnxModel, exportMerged });
