/** Decodes and transforms pictures while the studio's worker trains. */
import '@peft/data/worker';
