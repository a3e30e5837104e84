/**
 * @import { InferenceSession, InferenceSessionFactory, TensorConstructor, Tensor } from 'onnxruntime-node'
 * @import { HostArray, Runner, SessionPlan, SlotValue } from './runner.ts'
 */

/** Plain JavaScript, so that a worker thread can load it from source and from the build alike. */

/**
 * @typedef {object} OrtRunnerOptions
 * @property {InferenceSession.SessionOptions} session
 * @property {boolean} preallocate Whether outputs may be written into arrays made here. Where they may not, ONNX Runtime
 *   makes new arrays for the state in each run.
 * @property {Memory} [memory] Where slots are; with the host unless given.
 * @property {() => string | undefined} [refusal] Asked after each run: what the processor refused of it.
 */

/**
 * @typedef {object} Memory
 * @property {'cpu' | 'gpu-buffer'} location What ONNX Runtime calls it.
 * @property {(value: SlotValue) => Tensor} hold Moves a value there.
 */

/** @typedef {{ current: Tensor, spare?: Tensor }} Slot */

/** @param {Pick<Tensor, 'type' | 'dims'>} like @returns {HostArray} */
const blank = ({ type, dims }) => {
  const size = dims.reduce((product, length) => product * length, 1);
  if (type === 'float32') return new Float32Array(size);
  return type === 'int32' ? new Int32Array(size) : new Uint8Array(size);
};

/** @param {{ Tensor: TensorConstructor }} ort @returns {Memory} */
const hostMemory = ort => ({
  location: 'cpu',
  hold: ({ type, shape, data }) =>
    new ort.Tensor(/** @type {'float32'} */ (type), /** @type {Float32Array} */ (data), shape),
});

/**
 * A runner on ONNX Runtime in this thread. State is double-buffered: a run writes each new value beside the old one, and
 * then they change places, so that a run that fails changes nothing.
 *
 * @param {{ InferenceSession: InferenceSessionFactory, Tensor: TensorConstructor }} ort
 * @param {OrtRunnerOptions} options
 * @returns {Runner}
 */
export function createOrtRunner(ort, options) {
  /** @type {Map<number, Slot>} */
  const slots = new Map();
  /** @type {Map<number, { session: InferenceSession, plan: SessionPlan }>} */
  const sessions = new Map();
  const { location, hold } = options.memory ?? hostMemory(ort);
  let made = 0;

  /** @param {Pick<Tensor, 'type' | 'dims'>} like */
  const blankTensor = like =>
    new ort.Tensor(/** @type {'float32'} */ (like.type), /** @type {Float32Array} */ (blank(like)), like.dims);

  /** @template T @param {Map<number, T>} map @param {number} id @returns {T} */
  const existing = (map, id) => {
    const found = map.get(id);
    if (found === undefined) throw new Error(`No session or slot ${id}.`);
    return found;
  };

  return {
    async put(values) {
      for (const value of values) {
        slots.get(value.slot)?.current.dispose();
        slots.set(value.slot, { current: hold(value) });
      }
    },

    async get(ids) {
      const read = ids.map(async id => /** @type {HostArray} */ (await existing(slots, id).current.getData()).slice());
      return Promise.all(read);
    },

    async drop(ids) {
      for (const id of ids) {
        slots.get(id)?.current.dispose();
        slots.delete(id);
      }
    },

    async load(plan) {
      const preferredOutputLocation = Object.fromEntries(plan.writes.map(({ name }) => [name, location]));
      const session = await ort.InferenceSession.create(plan.model, {
        ...options.session,
        ...(location !== 'cpu' && { preferredOutputLocation }),
      });
      sessions.set(++made, { session, plan: { ...plan, model: new Uint8Array() } });
      return made;
    },

    async run(id, feeds) {
      const { session, plan } = existing(sessions, id);
      /** @type {Record<string, Tensor>} */
      const inputs = {};
      for (const { name, slot } of plan.reads) inputs[name] = existing(slots, slot).current;
      for (const { name, type, shape } of plan.inputs) {
        inputs[name] = new ort.Tensor(
          /** @type {'float32'} */ (type),
          /** @type {Float32Array} */ (feeds[name]),
          shape,
        );
      }
      /** @type {Record<string, Tensor | null>} */
      const fetches = {};
      for (const { name, slot: id } of plan.writes) {
        const slot = existing(slots, id);
        if (options.preallocate) slot.spare ??= blankTensor(slot.current);
        fetches[name] = slot.spare ?? null;
      }
      for (const { name, type, shape } of plan.outputs) {
        fetches[name] = options.preallocate ? blankTensor({ type, dims: shape }) : null;
      }
      const results = await session.run(inputs, fetches);
      const result = /** @param {string} name */ name => {
        const tensor = fetches[name] ?? results[name];
        if (!tensor) throw new Error(`ONNX Runtime gave no ${name}.`);
        return tensor;
      };
      const refusal = options.refusal?.();
      if (refusal !== undefined) {
        for (const { name } of plan.writes) result(name).dispose();
        throw new Error(refusal);
      }
      for (const { name, slot: id } of plan.writes) {
        const slot = existing(slots, id);
        const next = result(name);
        if (options.preallocate) slot.spare = slot.current;
        else slot.current.dispose();
        slot.current = next;
      }
      return Object.fromEntries(plan.outputs.map(({ name }) => [name, /** @type {HostArray} */ (result(name).data)]));
    },

    async unload(id) {
      await existing(sessions, id).session.release();
      sessions.delete(id);
    },

    async close() {
      for (const { session } of sessions.values()) await session.release();
      for (const { current } of slots.values()) current.dispose();
      sessions.clear();
      slots.clear();
    },
  };
}
