/** What the user chose: kept in this browser, and instrument and interval in the address so that a view is a link. */
import { INTERVALS, type Interval } from './protocol';

export type Theme = 'dark' | 'light';
export type View = 'market' | 'chart' | 'book' | 'tape' | 'health';
export type Deck = 'book' | 'health' | 'events';

const KEY = 'bethna.settings';

interface Kept {
  theme?: Theme;
  interval?: Interval;
  instrument?: string;
  seen?: string[];
}

/** Notices that were put away are remembered, the oldest forgotten. */
const SEEN_LIMIT = 50;

function readKept(): Kept {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '{}') as Kept;
  } catch {
    return {}; // storage switched off or damaged: the defaults are good
  }
}

function isInterval(text: string | null | undefined): text is Interval {
  return INTERVALS.includes(text as Interval);
}

function readAddress(): { instrument: string | null; interval: string | null } {
  const parts = new URLSearchParams(location.hash.replace(/^#/, ''));
  return { instrument: parts.get('instrument'), interval: parts.get('interval') };
}

class Settings {
  theme = $state<Theme>('dark');
  interval = $state<Interval>('1m');
  instrument = $state<string | null>(null);
  /** Phone: the one panel on the screen. */
  view = $state<View>('chart');
  deck = $state<Deck>('book');
  help = $state(false);
  /** Notices that the user has put away. */
  seen = $state.raw<readonly string[]>([]);

  constructor() {
    const kept = readKept();
    const address = readAddress();
    const light = matchMedia('(prefers-color-scheme: light)').matches;
    this.theme = kept.theme ?? (light ? 'light' : 'dark');
    this.interval = [address.interval, kept.interval].find(isInterval) ?? '1m';
    this.instrument = address.instrument ?? kept.instrument ?? null;
    this.seen = Array.isArray(kept.seen) ? kept.seen : [];
    this.showTheme();
    addEventListener('hashchange', () => {
      const { instrument, interval } = readAddress();
      if (instrument) this.instrument = instrument;
      if (isInterval(interval)) this.interval = interval;
    });
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    this.showTheme();
    this.keep();
  }

  setInterval(interval: Interval): void {
    this.interval = interval;
    this.keep();
  }

  setInstrument(instrument: string): void {
    this.instrument = instrument;
    this.keep();
  }

  putAway(notice: string): void {
    this.seen = [...this.seen.filter((text) => text !== notice), notice].slice(-SEEN_LIMIT);
    this.keep();
  }

  private showTheme(): void {
    document.documentElement.dataset.theme = this.theme;
  }

  private keep(): void {
    const kept: Kept = { theme: this.theme, interval: this.interval, seen: [...this.seen], ...(this.instrument ? { instrument: this.instrument } : {}) };
    try {
      localStorage.setItem(KEY, JSON.stringify(kept));
    } catch {
      // storage switched off: the choice lasts as long as the page
    }
    const address = new URLSearchParams({ ...(this.instrument ? { instrument: this.instrument } : {}), interval: this.interval });
    history.replaceState(null, '', `#${address.toString().replaceAll('%40', '@')}`);
  }
}

export const settings = new Settings();
