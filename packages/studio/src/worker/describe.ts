import { describeOptions, methodOptions, methodRegistry, recipeOptions } from '@peft/run';
import type { Description } from './protocol.ts';

/** The methods with their options, and the fields of a recipe, as plain data. */
export function describe(): Description {
  return {
    methods: Object.entries(methodRegistry).map(([name, entry]) => {
      const { summary, paper, lr } = entry;
      return { name, summary, ...(paper !== undefined && { paper }), lr, options: methodOptions(entry) };
    }),
    recipe: describeOptions(recipeOptions),
  };
}
