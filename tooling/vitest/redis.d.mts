export interface RedisOptions {
  readonly password?: string;
  /** Files of a certificate and its key: it listens with TLS alone. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Further options of redis-server. */
  readonly options?: readonly string[];
}

/** A Redis in a folder, which keeps all that it was told when it is killed. */
export interface TestRedis {
  readonly url: string;
  /** Ends it with SIGKILL, and starts it again after a while, in ms. */
  kill(pause?: number): Promise<void>;
  stop(): Promise<void>;
}

/** Why there is no Redis; undefined if there is. */
export declare const noRedis: string | undefined;

export declare function redisIn(folder: string, options?: RedisOptions): Promise<TestRedis>;
