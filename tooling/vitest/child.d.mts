export interface Ended {
  end: number | NodeJS.Signals;
  errors: string;
}

export declare function bundle(entry: string, folder: string, url?: URL): Promise<string>;

export declare function start(
  path: string,
  args: string[],
  line?: (line: string) => void,
): { ended: Promise<Ended>; kill(): boolean };
