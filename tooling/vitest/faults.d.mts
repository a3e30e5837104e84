export interface Fault {
  at?: number;
  how?: 'kill' | 'EIO' | 'ENOSPC';
}

export declare function withFault(fault: Fault, task: () => Promise<unknown>): Promise<string[]>;
