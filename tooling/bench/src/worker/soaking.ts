import { type Part, soak } from '../soak/soak.ts';

/** The process of one part of a soak: it is sent the part, and sends back what it held. */
process.once('message', async (part: Part) => {
  process.send?.(await soak(part), () => process.disconnect());
});
