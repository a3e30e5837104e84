/**
 * @import { InferenceSession, InferenceSessionFactory, TensorConstructor, Tensor } from 'onnxruntime-node'
 * @import { HostArray, Runner, SessionPlan } from './runner.ts'
 */

/** Plain JavaScript, so that a worker thread can load it from source and from the build alike. */

/**
 * @typedef {object} OrtRunnerOptions
 * @property {InferenceSession.SessionOptions} session
 * @property {boolean} preallocate Whether outputs may be written into arrays made here. Where they may not, ONNX Runtime
 *   makes new arrays for the state in each run.
 */

/** @typedef {{ current: Tensor, spare?: Tensor }} Slot */

/** @param {Pick<Tensor, 'type' | 'dims'>} like @returns {HostArray} */
const blank = ({ type, dims }) => {
  const size = dims.reduce((product, length) => product * length, 1);
  if (type === 'float32') return new Float32Array(size);
  return type === 'int32' ? new Int32Array(size) : new Uint8Array(size);
};

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
      for (const { slot, type, shape, data } of values) {
        slots.set(slot, {
          current: new ort.Tensor(/** @type {'float32'} */ (type), /** @type {Float32Array} */ (data), shape),
        });
      }
    },

    async get(ids) {
      return ids.map(id => /** @type {HostArray} */ (existing(slots, id).current.data).slice());
    },

    async drop(ids) {
      for (const id of ids) slots.delete(id);
    },

    async load(plan) {
      const session = await ort.InferenceSession.create(plan.model, options.session);
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
      const result = /** @param {string} name */ name => fetches[name] ?? results[name];
      for (const { name, slot: id } of plan.writes) {
        const slot = existing(slots, id);
        const next = result(name);
        if (options.preallocate) slot.spare = slot.current;
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
      sessions.clear();
      slots.clear();
    },
  };
}
