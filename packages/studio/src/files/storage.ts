import type { StoredProject, StoredRun } from './stored.ts';

/** What the browser keeps for the studio, by store and key. */
interface Stores {
  project: StoredProject;
  pictures: { readonly blob: Blob; readonly thumb: Blob };
  runs: StoredRun;
  checkpoints: Uint8Array;
}

type StoreName = keyof Stores;
const names: readonly StoreName[] = ['project', 'pictures', 'runs', 'checkpoints'];

let database: Promise<IDBDatabase> | undefined;

function open(): Promise<IDBDatabase> {
  database ??= new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open('peft-studio', 1);
    request.onupgradeneeded = () => {
      for (const name of names) request.result.createObjectStore(name);
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return database;
}

/** Runs a transaction, and gives what its request gives once it is committed. */
async function transact<T>(
  name: StoreName,
  mode: IDBTransactionMode,
  act: (store: IDBObjectStore) => IDBRequest<T> | undefined,
): Promise<T | undefined> {
  const transaction = (await open()).transaction(name, mode);
  return new Promise((resolve, reject) => {
    const request = act(transaction.objectStore(name));
    transaction.oncomplete = () => resolve(request?.result);
    transaction.onabort = () => reject(transaction.error ?? new Error('The browser gave up on storing.'));
  });
}

export const read = <Name extends StoreName>(name: Name, key: string): Promise<Stores[Name] | undefined> =>
  transact<Stores[Name]>(name, 'readonly', store => store.get(key));

/** All entries of a store, by key. */
export async function readAll<Name extends StoreName>(name: Name): Promise<[string, Stores[Name]][]> {
  const keys = await transact(name, 'readonly', store => store.getAllKeys());
  const values = await transact<Stores[Name][]>(name, 'readonly', store => store.getAll());
  return (keys ?? []).map((key, i) => [String(key), values![i]!]);
}

export const write = async <Name extends StoreName>(name: Name, key: string, value: Stores[Name]): Promise<void> =>
  void (await transact(name, 'readwrite', store => store.put(value, key)));

/** Entries that are handed over in one task, so that thousands do not hold up the page. */
const together = 50;

/** Writes several entries, all or none. */
export const writeAll = async <Name extends StoreName>(
  name: Name,
  entries: readonly (readonly [string, Stores[Name]])[],
): Promise<void> =>
  void (await transact(name, 'readwrite', store => {
    const putFrom = (first: number): void => {
      const rest = first + together;
      const [last] = entries
        .slice(first, rest)
        .map(([key, value]) => store.put(value, key))
        .slice(-1);
      if (last && rest < entries.length) last.onsuccess = () => putFrom(rest);
    };
    putFrom(0);
    return undefined;
  }));

export const remove = async (name: StoreName, ...keys: readonly string[]): Promise<void> =>
  void (await transact(name, 'readwrite', store => {
    for (const key of keys) store.delete(key);
    return undefined;
  }));
