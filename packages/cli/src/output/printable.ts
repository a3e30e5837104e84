import { escapeControls } from '@peft/core';

/** Text of several lines that a terminal shows as it stands, whatever names of files, classes or tensors are in it. */
export const printable = (text: string): string => text.split('\n').map(escapeControls).join('\n');

/** JSON on one line, whose every control character is an escape (`JSON.stringify` leaves U+007F to U+009F as they are). */
export const printableJson = (value: object): string => escapeControls(JSON.stringify(value));
