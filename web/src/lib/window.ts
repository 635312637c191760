/**
 * What was received last, readable from the browser's console and by tests: the screen can be compared with what was
 * sent. And an event for each price that changed.
 */
import type { AlertsConsole } from './alerts/console';
import { alertsHook } from './alerts/hook.svelte';
import type { Severity } from './alerts/protocol';
import { isUnknown } from './bars';
import type { Batch } from './feed/inbox';
import type { Book, Candle, Health, PriceRow, Trade } from './protocol';
import { store } from './store.svelte';

export interface Exposed {
  readonly status: { link: string; badge: string; pill: string; selected: string | null; interval: string; health: Health | null };
  /** Of this page to its desk, and of the desk to its venues and instruments. */
  readonly connection: { desk: string; lastHeard: number | null; venues: Record<string, string>; instruments: Record<string, string> };
  readonly prices: Record<string, PriceRow>;
  /** The last value of each price, null where there is none yet. */
  readonly last: Record<string, number | null>;
  readonly book: Book | null;
  readonly lastTrade: Trade | null;
  readonly candles: readonly Candle[];
  /** Arms, lists, explains: docs/reference/page.md. */
  readonly alerts: AlertsConsole;
  /** How often a sound was due, by severity, muted or not. */
  readonly sounds: Readonly<Record<Severity, number>>;
}

declare global {
  interface Window {
    bethna: Exposed;
  }
  interface WindowEventMap {
    'bethna-price-update': CustomEvent<PriceRow>;
  }
}

/** What the page shows of an instrument: its row, with the newer price of its trades where it has one. */
function shownRow(row: PriceRow): PriceRow {
  const newest = store.newest;
  if (newest === null || newest.instrument !== row.instrument) return row;
  return { ...row, price: newest.price, ts_event: newest.ts_event, ts_recv: newest.ts_recv };
}

const told = new Map<string, number | null>();

function tellPrice(instrument: string): void {
  const row = store.cell(instrument).row;
  if (row === null) return;
  const shown = shownRow(row);
  if (told.get(instrument) === shown.price) return;
  told.set(instrument, shown.price);
  dispatchEvent(new CustomEvent('bethna-price-update', { detail: shown }));
}

/** After a batch was applied, which is once a frame: `bethna-price-update` for each price that changed with it. */
export function tellPrices(batch: Batch): void {
  for (const instrument of batch.prices.keys()) tellPrice(instrument);
  if (batch.tapes.size > 0 && store.selected !== null && !batch.prices.has(store.selected)) tellPrice(store.selected);
}

function rows(): PriceRow[] {
  return (store.instruments ?? []).map((name) => store.cell(name).row).filter((row) => row !== null);
}

const VERBS = ['add', 'list', 'edit', 'pause', 'resume', 'remove', 'history', 'why', 'rehearse', 'preview'] as const satisfies readonly (keyof AlertsConsole)[];

/** Loaded with the first word. */
function alertsConsole(): AlertsConsole {
  const verb = (name: keyof AlertsConsole) => async (...said: never[]) => ((await import('./alerts/console')).verbs[name] as (...said: never[]) => unknown)(...said);
  return Object.fromEntries(VERBS.map((name) => [name, verb(name)])) as unknown as AlertsConsole;
}

export function expose(interval: () => string): void {
  window.bethna = {
    alerts: alertsConsole(),
    sounds: alertsHook.sounds,
    get status() {
      return {
        link: store.link.state,
        badge: store.badge.text,
        pill: store.pill.text,
        selected: store.selected,
        interval: interval(),
        health: store.health?.value ?? null,
      };
    },
    get connection() {
      const health = store.health?.value;
      const statuses = (rows: Record<string, { status: string }> | undefined): Record<string, string> => Object.fromEntries(Object.entries(rows ?? {}).map(([name, row]) => [name, row.status]));
      return { desk: store.link.state, lastHeard: store.link.lastFrameAt, venues: statuses(health?.venues), instruments: statuses(health?.instruments) };
    },
    get prices() {
      return Object.fromEntries(rows().map((row) => [row.instrument, row]));
    },
    get last() {
      return Object.fromEntries(rows().map((row) => [row.instrument, shownRow(row).price]));
    },
    get book() {
      return store.book?.value ?? null;
    },
    get lastTrade() {
      return store.lastTrade;
    },
    get candles() {
      return store.bars.list.filter((bar) => !isUnknown(bar));
    },
  };
}
