import type * as tf from '@tensorflow/tfjs-core';
import { firstRows } from '../tensor/rows.ts';
import { Module } from './module.ts';

/** A module that maps each row of its input by itself, so that it computes the rows that are wanted and no others. */
export abstract class RowModule extends Module {
  protected abstract map(x: tf.Tensor): tf.Tensor;

  forward(x: tf.Tensor, rows?: number): tf.Tensor {
    return this.map(firstRows(x, rows));
  }

  protected override forwardNeeds(rows: number): number {
    return rows;
  }
}
