/** A port of 127.0.0.1 at which nothing listens yet. */
export declare function freePort(): Promise<number>;
