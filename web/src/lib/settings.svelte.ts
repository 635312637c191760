/**
 * What the user chose: kept in this browser, and instrument and interval in the address so that a view is a link.
 *
 * Rules:
 * 1. What the address asks for comes before what was kept, which comes before the usual.
 * 2. A workspace from a link is applied at once, with a way back; the address then names the view again, so that a
 *    reload does not undo what was changed since.
 * 3. What could not be read is told once (`told`): the shelf holds what is in use from then on.
 */
import { INTERVALS, type Interval } from './protocol';
import { shown } from './shown.svelte';
import { storage } from './storage';
import { fitted, openHash, readKept, ROOMS, usualSizes, workspaceHash, type Deck, type Palette, type Sizes, type Theme, type Workspace } from './workspace';
import { resolveZone } from './zone';

export type { Deck, Theme };
export type View = 'market' | 'chart' | 'book' | 'tape' | 'health' | 'alerts';

/** Something to say to the user, by whoever shows it. */
export interface Told {
  text: string;
  tone: 'calm' | 'warn';
  /** It is of a link that was opened, which can be undone; what is said first depends on what the desk follows. */
  link: boolean;
}

const KEY = 'bethna.settings';

/** Notices that were put away are remembered, the oldest forgotten. */
const SEEN_LIMIT = 50;

function isInterval(text: string | null | undefined): text is Interval {
  return INTERVALS.includes(text as Interval);
}

function readAddress(): { instrument: string | null; interval: string | null } {
  const parts = new URLSearchParams(location.hash.replace(/^#/, ''));
  return { instrument: parts.get('instrument'), interval: parts.get('interval') };
}

function texts(found: unknown): string[] {
  return Array.isArray(found) ? found.filter((text) => typeof text === 'string') : [];
}

class Settings {
  /** As chosen; `look` is what it comes to. */
  theme = $state<Theme>('system');
  palette = $state<Palette>('classic');
  swap = $state(false);
  /** A zone's name, UTC or `local`; what it comes to is in `shown`. */
  zone = $state('UTC');
  /** Where a pair without a venue opens; null: where the desk has it first. */
  venue = $state<string | null>(null);
  sizes = $state.raw<Sizes>(usualSizes());
  interval = $state<Interval>('1m');
  instrument = $state<string | null>(null);
  /** Phone: the one panel on the screen. */
  view = $state<View>('chart');
  help = $state(false);
  /** The settings sheet is open. */
  open = $state(false);
  /** Notices that the user has put away. */
  seen = $state.raw<readonly string[]>([]);
  /** Waiting to be said. */
  told = $state.raw<readonly Told[]>([]);
  /** This browser keeps nothing for this page. */
  forgetful = $state.raw(false);

  private chosenDeck = $state<Deck>('book');
  private systemLight = $state.raw(false);
  /** Before the last link was applied. */
  private before = $state.raw<Workspace | null>(null);

  look = $derived<'dark' | 'light'>(this.theme === 'system' ? (this.systemLight ? 'light' : 'dark') : this.theme);
  canUndo = $derived(this.before !== null);

  constructor() {
    const kept = readKept(storage.read(KEY));
    this.use(kept.workspace);
    this.seen = texts(kept.rest['seen']).slice(-SEEN_LIMIT);
    this.tell(kept.complaints);
    this.followAddress();
    this.noteShelf();
    const light = matchMedia('(prefers-color-scheme: light)');
    this.systemLight = light.matches;
    light.addEventListener('change', (event) => {
      this.systemLight = event.matches;
      this.show();
    });
    this.show();
    if (kept.complaints.length > 0) this.keep(); // rule 3
    addEventListener('hashchange', () => this.followAddress());
  }

  /** The tab under the chart. */
  get deck(): Deck {
    return this.chosenDeck;
  }

  set deck(deck: Deck) {
    if (deck === this.chosenDeck) return;
    this.chosenDeck = deck;
    this.keep();
  }

  /** Phone: one panel; of the deck's tabs, the one that belongs to it. */
  see(view: View): void {
    this.view = view;
    if (view === 'alerts') this.deck = 'alerts';
    else if (view === 'health' && this.deck === 'alerts') this.deck = 'health';
  }

  setTheme(theme: Theme): void {
    this.change({ theme });
  }

  /** To the other one of what is on the screen. */
  turnTheme(): void {
    this.change({ theme: this.look === 'dark' ? 'light' : 'dark' });
  }

  setInterval(interval: Interval): void {
    this.change({ interval });
  }

  setInstrument(instrument: string): void {
    this.change({ instrument });
  }

  setSize(part: keyof Sizes, value: number): void {
    this.change({ sizes: { ...this.sizes, [part]: fitted(part, value) } });
  }

  resetSize(part: keyof Sizes): void {
    this.setSize(part, ROOMS[part].usual);
  }

  resetSizes(): void {
    this.change({ sizes: usualSizes() });
  }

  putAway(notice: string): void {
    this.seen = [...this.seen.filter((text) => text !== notice), notice].slice(-SEEN_LIMIT);
    this.keep();
  }

  get workspace(): Workspace {
    const { instrument, interval, deck, theme, palette, swap, zone, venue, sizes } = this;
    return { instrument, interval, deck, theme, palette, swap, zone, grouping: shown.grouping, venue, sizes };
  }

  /** The whole address of this workspace; `instrument`: what is shown, also where nobody chose it. */
  linkTo(instrument: string | null): string {
    return `${location.origin}${location.pathname}#${workspaceHash({ ...this.workspace, instrument: instrument ?? this.instrument })}`;
  }

  change(parts: Partial<Workspace>): void {
    this.use({ ...this.workspace, ...parts });
    this.show();
    this.keep();
  }

  /** Back to what was there before the last link. */
  undo(): void {
    if (this.before === null) return;
    const before = this.before;
    this.before = null;
    this.change(before);
  }

  /** What was told has been said. */
  said(): void {
    if (this.told.length > 0) this.told = [];
  }

  private use(workspace: Workspace): void {
    const { instrument, interval, deck, theme, palette, swap, zone, grouping, venue, sizes } = workspace;
    Object.assign(this, { instrument, interval, chosenDeck: deck, theme, palette, swap, zone, venue, sizes });
    shown.grouping = grouping;
    shown.zone = resolveZone(zone);
  }

  private tell(lines: readonly string[], tone: Told['tone'] = 'warn', link = false): void {
    if (lines.length > 0 || link) this.told = [...this.told, { text: lines.join(' '), tone, link }];
  }

  private followAddress(): void {
    const opened = openHash(location.hash, this.workspace);
    if (opened.kind === 'refused') this.tell([opened.why]);
    else if (opened.kind === 'workspace') {
      this.before = this.workspace;
      this.use(opened.workspace);
      this.tell(opened.complaints, opened.complaints.length > 0 ? 'warn' : 'calm', true);
    } else {
      const { instrument, interval } = readAddress();
      if (instrument) this.instrument = instrument;
      if (isInterval(interval)) this.interval = interval;
      return;
    }
    this.show();
    this.keep(); // rule 2
  }

  private show(): void {
    const { dataset } = document.documentElement;
    dataset['theme'] = this.look;
    dataset['palette'] = this.palette;
    dataset['swap'] = this.swap ? 'yes' : 'no';
  }

  private keep(): void {
    storage.write(KEY, JSON.stringify({ version: 2, ...this.workspace, seen: this.seen }));
    this.noteShelf();
    const address = new URLSearchParams({ ...(this.instrument ? { instrument: this.instrument } : {}), interval: this.interval });
    history.replaceState(null, '', `#${address.toString().replaceAll('%40', '@')}`);
  }

  private noteShelf(): void {
    if (storage.refused && !this.forgetful) this.tell(['This browser keeps nothing for this page: what you choose lasts until it is closed.']);
    this.forgetful = storage.refused;
  }
}

export const settings = new Settings();
