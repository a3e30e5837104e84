import { escapeControls } from '@peft/core';

/** Makes text of several lines safe for a terminal, whatever names of files, classes or tensors it holds. */
export const printable = (text: string): string => text.split('\n').map(escapeControls).join('\n');

/** JSON on one line with every control character escaped (`JSON.stringify` leaves U+007F to U+009F). */
export const printableJson = (value: object): string => escapeControls(JSON.stringify(value));
