import { onnxEngine } from '@peft/compile';
import { lily } from '@peft/lily';
import { lora } from '@peft/lora';
import { neat } from '@peft/neat';
import { engineConformance, layeredNet } from '@peft/testing';
import { describe } from 'vitest';
import { cases as lilyCases } from '../../../../packages/lily/test/cases.ts';
import { cases as loraCases } from '../../../../packages/lora/test/cases.ts';
import { cases as neatCases } from '../../../../packages/neat/test/cases.ts';

const engine = () => onnxEngine({ threads: 1 });

// What it records is the same on every backend.
describe.runIf(process.env.PEFT_BACKEND === 'cpu')('recorded and run in ONNX Runtime', () => {
  engineConformance(lora, loraCases, { engine });
  engineConformance(neat, neatCases, { engine });
  engineConformance(lily, lilyCases, { network: layeredNet, engine });
});
