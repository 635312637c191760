/**
 * Which key does what: one list of actions, which handles the keys and of which the help sheet is made.
 *
 * Rules:
 * 1. A field that is typed into keeps its keys, except those with Ctrl or Cmd; an open sheet keeps all.
 * 2. An action of a scope has its keys only while the focus is inside that scope, and comes before the page's.
 * 3. Arrows belong to what is focused, except on the page itself and in the watchlist.
 */

export type Scope = 'page' | 'chart' | 'watchlist' | 'alerts';
export type Group = 'Panels' | 'Chart' | 'Alerts' | 'Look' | 'Page';

export interface Action {
  /** As `KeyboardEvent.key` says them, letters small; `mod+k` is Ctrl or Cmd with it. */
  keys: readonly string[];
  /** How the help sheet writes the keys, where that is shorter. */
  written?: readonly string[];
  words: string;
  group: Group;
  scope?: Scope;
  /** A key that is held does it once. */
  once?: boolean;
  run(key: string): void;
}

const NAMES: Record<string, string> = { ArrowUp: '↑', ArrowDown: '↓', ArrowLeft: '←', ArrowRight: '→', 'mod+k': 'Ctrl K', 'mod+z': 'Ctrl Z', Delete: 'Del', Escape: 'Esc', PageUp: 'PgUp', PageDown: 'PgDn' };

export function written(action: Action): readonly string[] {
  return action.written ?? action.keys.map((key) => NAMES[key] ?? (key.length === 1 ? key.toUpperCase() : key));
}

/** The scope's mark in the page: `data-keys="chart"`. */
function isInside(target: Element | null, scope: Scope): boolean {
  return scope === 'page' || target?.closest(`[data-keys="${scope}"]`) != null;
}

function isTyping(target: Element | null): boolean {
  return target?.closest('input:not([type="checkbox"], [type="radio"]), textarea, select, [contenteditable]') != null;
}

/** Rule 3. */
function arrowsAreFree(target: Element | null): boolean {
  return target === null || target === document.body || target.closest('[data-testid="watchlist"]') !== null;
}

export function nameOf(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey'>): string {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return event.ctrlKey || event.metaKey ? `mod+${key}` : key;
}

export class Keyboard {
  private actions: readonly Action[] = [];

  get list(): readonly Action[] {
    return this.actions;
  }

  /** Refuses a key that is taken in its scope. The answer takes the actions away again. */
  add(...added: Action[]): () => void {
    for (const action of added) {
      const scope = action.scope ?? 'page';
      for (const key of action.keys) {
        const other = this.actions.find((known) => (known.scope ?? 'page') === scope && known.keys.includes(key));
        if (other) throw new Error(`expected a free key for “${action.words}”, found ${key} taken by “${other.words}”`);
      }
      this.actions = [...this.actions, action];
    }
    return () => (this.actions = this.actions.filter((action) => !added.includes(action)));
  }

  find(name: string, inside: (scope: Scope) => boolean): Action | null {
    const fitting = this.actions.filter((action) => action.keys.includes(name) && inside(action.scope ?? 'page'));
    return fitting.find((action) => action.scope !== undefined && action.scope !== 'page') ?? fitting[0] ?? null; // rule 2
  }

  onKey(event: KeyboardEvent): void {
    if (event.altKey || event.isComposing || event.defaultPrevented) return;
    const target = event.target instanceof Element ? event.target : null;
    const name = nameOf(event);
    if (document.querySelector('dialog[open]') !== null) return; // rule 1
    if (!name.startsWith('mod+') && isTyping(target)) return;
    const action = this.find(name, (scope) => isInside(target, scope));
    if (action === null) return;
    if (name.startsWith('Arrow') && (action.scope ?? 'page') === 'page' && !arrowsAreFree(target)) return;
    if (!(event.repeat && action.once)) action.run(name);
    event.preventDefault();
  }
}

export const keyboard = new Keyboard();
