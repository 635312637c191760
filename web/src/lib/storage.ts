/**
 * What this browser keeps for the page. A browser that refuses (private windows, policies, a full disk) is asked again
 * with every write and breaks nothing: what was chosen lasts as long as the page.
 */

export interface Shelf {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

export class Storage {
  /** The last read or write was refused. */
  refused = false;

  /** `open` may throw: some browsers refuse already when storage is looked at. */
  constructor(private readonly open: () => Shelf) {}

  read(key: string): string | null {
    return this.attempt(() => this.open().getItem(key)) ?? null;
  }

  write(key: string, value: string): void {
    this.attempt(() => this.open().setItem(key, value));
  }

  private attempt<T>(act: () => T): T | undefined {
    try {
      const found = act();
      this.refused = false;
      return found;
    } catch {
      this.refused = true;
      return undefined;
    }
  }
}

export const storage = new Storage(() => localStorage);
