/** What was chosen about being told, in this browser: mute, notifications, push. Shared by its tabs. */
import { storage } from '../storage';
import { ALERTS_KEY } from './hook.svelte';

interface Kept {
  muted: boolean;
  /** Notifications of the browser are wanted; whether it lets them is another thing. */
  notify: boolean;
  /** The endpoint to which this browser is pushed; empty for none. */
  push: string;
}

const USUAL: Kept = { muted: false, notify: false, push: '' };

function read(text: string | null): Kept {
  try {
    const found = JSON.parse(text ?? '{}') as Partial<Record<keyof Kept, unknown>>;
    return { muted: found.muted === true, notify: found.notify === true, push: typeof found.push === 'string' ? found.push : '' };
  } catch {
    return USUAL;
  }
}

class Remembered {
  private kept = $state.raw<Kept>(read(storage.read(ALERTS_KEY)));

  constructor() {
    addEventListener('storage', (event) => {
      if (event.key === ALERTS_KEY) this.kept = read(event.newValue);
    });
  }

  get muted(): boolean {
    return this.kept.muted;
  }

  get notify(): boolean {
    return this.kept.notify;
  }

  get push(): string {
    return this.kept.push;
  }

  change(parts: Partial<Kept>): void {
    this.kept = { ...this.kept, ...parts };
    storage.write(ALERTS_KEY, JSON.stringify(this.kept));
  }
}

export const remembered = new Remembered();
