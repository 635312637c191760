/** What the bell knows: which events were seen, remembered in this browser and shared by its tabs. */
import { readMarks, seenAll, sourceOf, troubles, unseen, type SeenMarks } from './notes';
import { store } from './store.svelte';

const KEY = 'bethna.seen';

function kept(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage refused: what was seen is known as long as the page
  }
}

class Notes {
  /** The list is open. */
  open = $state(false);
  private marks = $state.raw<SeenMarks>(readMarks(kept()));
  private source = $derived(sourceOf(store.health?.value ?? null));
  /** Warnings and errors that nobody has looked at. */
  unseen = $derived(this.source === '' ? [] : unseen(store.events, this.marks, this.source));
  /** All of them, newest first. */
  list = $derived(troubles(store.events).reverse());

  constructor() {
    addEventListener('storage', (event) => {
      if (event.key === KEY) this.marks = readMarks(event.newValue);
    });
  }

  markSeen(): void {
    const marks = seenAll(store.events, this.marks, this.source);
    if (marks === this.marks) return;
    this.marks = marks;
    try {
      localStorage.setItem(KEY, JSON.stringify(marks));
    } catch {
      // storage refused: see above
    }
  }
}

export const notes = new Notes();
