/** All that computes in the studio. It is loaded when it is first needed, and the page never waits for it. */
import { attention } from './attention.ts';
import { partsOf } from './datasets.ts';
import { describe } from './describe.ts';
import { exportMerged, exportOnnxModel } from './export.ts';
import { describeHubModel } from './hub-model.ts';
import { plan } from './plan.ts';
import { predict } from './predict.ts';
import type { CallName, Part, SplitJob } from './protocol.ts';
import { recognize } from './recognize.ts';
import { sample } from './sample.ts';
import { serve } from './serve.ts';
import { stop, train } from './train.ts';

const split = ({ pictures, seed }: SplitJob): readonly Part[] => partsOf(pictures, seed);

serve<Exclude<CallName, 'findModel' | 'downloadModel'>>({
  ...{ describe, split, recognize, plan, sample, train, stop, predict, attention, exportMerged },
  exportOnnx: exportOnnxModel,
  describeModel: describeHubModel,
});
