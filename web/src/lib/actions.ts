/** The page's keys. A panel that has more of its own adds them with `keyboard.add`. */
import { tick } from 'svelte';
import { alertsHook } from './alerts/hook.svelte';
import { best } from './best.svelte';
import { keyboard, type Action } from './keys';
import { OFTEN } from './protocol';
import { settings, type Deck, type View } from './settings.svelte';
import { store } from './store.svelte';
import { toasts } from './toasts.svelte';

/** What panels lend to the keys while they are on the page. */
export const hands: {
  watchlist?: ((step: 1 | -1) => void) | undefined;
  chart?: { step(places: number): void; zoom(factor: number): void; newest(): void; } | undefined;
} = {};

const PLACES: Record<View | 'events', { at: string; view?: View; deck?: Deck }> = {
  market: { at: '[data-testid="watchlist"] [aria-current="true"]', view: 'market' },
  chart: { at: '[data-testid="chart"]', view: 'chart' },
  book: { at: '[data-testid="book"]', view: 'book', deck: 'book' },
  tape: { at: '[data-testid="tape"]', view: 'tape', deck: 'book' },
  health: { at: '#tab-health', view: 'health', deck: 'health' },
  events: { at: '#tab-events', view: 'health', deck: 'events' },
  alerts: { at: '#tab-alerts', view: 'alerts', deck: 'alerts' },
};

/** Shows a panel where only one is on the screen, and puts the focus there. */
export async function goTo(place: View | 'events'): Promise<void> {
  const { at, view, deck } = PLACES[place];
  if (view) settings.view = view;
  if (deck) settings.deck = deck;
  await tick();
  document.querySelector<HTMLElement>(at)?.focus();
}

export async function copyLink(): Promise<void> {
  try {
    await navigator.clipboard.writeText(settings.linkTo(store.selected));
    toasts.say({ key: 'workspace', tone: 'good', text: 'The link of this workspace is copied.', lifeMs: 4000 });
  } catch {
    toasts.say({ key: 'workspace', tone: 'warn', text: 'This browser did not let the page copy.', hint: 'The link stands in the settings, to be copied by hand.', lifeMs: 8000 });
    settings.open = true;
  }
}

export function undoWorkspace(): void {
  if (!settings.canUndo) return;
  settings.undo();
  toasts.say({ key: 'workspace', tone: 'calm', text: 'Your workspace is as it was before the link.', lifeMs: 4000 });
}

const go = (key: string, place: View | 'events', words: string): Action => ({ keys: [key], words, group: 'Panels', run: () => void goTo(place) });

/** The chart's figures move by one bar; with Shift the browser says the same key, so a step is always one. */
const chart = (keys: string[], words: string, run: (key: string) => void): Action => ({ keys, words, group: 'Chart', scope: 'chart', run });

keyboard.add(
  { keys: ['ArrowUp', 'ArrowDown'], words: 'previous and next in the watchlist', group: 'Panels', run: (key) => hands.watchlist?.(key === 'ArrowUp' ? -1 : 1) },
  go('w', 'market', 'to the watchlist'),
  go('c', 'chart', 'to the chart'),
  go('b', 'book', 'to the book'),
  { keys: ['v'], words: 'in the book: this venue or all venues', group: 'Panels', run: () => best.turn() },
  go('r', 'tape', 'to the trades'),
  go('h', 'health', 'to Health'),
  go('e', 'events', 'to the events'),
  go('a', 'alerts', 'to the alerts'),
  { keys: ['l'], words: 'a new alert, at a level of what is shown', group: 'Alerts', run: () => void alertsHook.write() },
  {
    keys: OFTEN.map((_, i) => String(i + 1)),
    written: ['1', '–', String(OFTEN.length)],
    words: `interval, ${OFTEN[0]} to ${OFTEN.at(-1)}`,
    group: 'Chart',
    run: (key) => settings.setInterval(OFTEN[Number(key) - 1] ?? settings.interval),
  },
  chart(['ArrowLeft', 'ArrowRight'], 'in the chart: the bar before, the bar after', (key) => hands.chart?.step(key === 'ArrowLeft' ? -1 : 1)),
  chart(['PageUp', 'PageDown'], 'in the chart: thirty bars back, thirty on', (key) => hands.chart?.step(key === 'PageUp' ? -30 : 30)),
  chart(['+', '-'], 'in the chart: nearer, farther', (key) => hands.chart?.zoom(key === '+' ? 0.8 : 1.25)),
  chart(['End', 'Escape'], 'in the chart: to the newest bar', () => hands.chart?.newest()),
  { keys: ['t'], words: 'dark or light', group: 'Look', run: () => settings.turnTheme() },
  { keys: ['0'], words: 'panels to their usual sizes', group: 'Look', run: () => settings.resetSizes() },
  { keys: ['y'], words: 'copy the link of this workspace', group: 'Look', run: () => void copyLink() },
  { keys: ['u'], words: 'back to the workspace before a link', group: 'Look', run: undoWorkspace },
  { keys: [','], words: 'settings', group: 'Page', run: () => (settings.open = true) },
  { keys: ['?'], words: 'this sheet', group: 'Page', run: () => (settings.help = true) },
);
