/**
 * What of the desk's events deserves attention: what the bell counts, and which few are said aloud.
 *
 * Rules:
 * 1. The bell counts warnings and errors that are later than the last one seen on the same source; a tape's events
 *    have the tape's time, so each source has a mark of its own.
 * 2. Said aloud are that this page does not hear its desk for more than a moment and hears it again, a venue's lost
 *    and restored connections, what the selected instrument misses and gets back, whether it is served and traded, the
 *    clocks that its times depend on, and that its venue stops trading; the rest is the log's.
 */
import { venueName } from './format';
import { reasonWords } from './gaps';
import type { DeskEvent, Health, Micros } from './protocol';
import { duration } from './time';
import type { ToastSaid } from './toasts';
import { plainReason } from './trouble';

export type SeenMarks = Record<string, Micros>;

/** Marks of this many sources are remembered, the oldest forgotten. */
const MARKS = 20;

export function sourceOf(health: Health | null): string {
  if (health === null) return '';
  return health.source === 'tape' ? `tape:${health.tape?.name ?? ''}` : health.source;
}

function counts(event: DeskEvent): boolean {
  return event.level !== 'info';
}

/** Rule 1, oldest first. */
export function troubles(events: readonly DeskEvent[]): DeskEvent[] {
  return events.filter(counts);
}

export function unseen(events: readonly DeskEvent[], marks: SeenMarks, source: string): DeskEvent[] {
  const mark = marks[source] ?? -Infinity;
  return events.filter((event) => counts(event) && event.ts > mark);
}

/** The marks after everything was seen; the same object when nothing changed. */
export function seenAll(events: readonly DeskEvent[], marks: SeenMarks, source: string): SeenMarks {
  const newest = Math.max(-Infinity, ...troubles(events).map((event) => event.ts));
  if (newest <= (marks[source] ?? -Infinity) || source === '') return marks;
  const { [source]: _old, ...others } = marks;
  return Object.fromEntries([...Object.entries(others), [source, newest] as const].slice(-MARKS));
}

/** What storage holds, as far as it is of the right kind. */
export function readMarks(text: string | null): SeenMarks {
  try {
    const kept: unknown = JSON.parse(text ?? '{}');
    if (typeof kept !== 'object' || kept === null) return {};
    return Object.fromEntries(Object.entries(kept).filter((pair): pair is [string, number] => Number.isFinite(pair[1]))); // others are damage
  } catch {
    return {};
  }
}

/** 99+, so that the bell never grows wider. */
export function countWords(count: number): string {
  return count > 99 ? '99+' : String(count);
}

function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?)]$/.test(whole) ? whole : `${whole}.`;
}

/** Of whom an event is said aloud: of every venue and the desk, of the selected instrument's venue, of that instrument. */
type Whose = 'all' | 'venue' | 'own';

interface Saying {
  whose: Whose;
  /** Says of one topic follow each other in one place: what is over takes the place of what began. */
  topic: 'venue' | 'gap' | 'book' | 'clock' | 'listing';
  tone: ToastSaid['tone'];
  /** `name` is the symbol, or the venue's name. */
  text: (name: string) => string;
  hint?: (message: string) => string;
  lifeMs: number;
}

/** Rule 2: by the desk's codes (docs/reference/http.md); the other codes are the log's. */
const ALOUD: Record<string, Saying> = {
  connection_lost: { whose: 'all', topic: 'venue', tone: 'warn', text: (name) => `Connection to ${name} lost.`, hint: (said) => `${plainReason(said.split('; next attempt')[0] ?? '')} Trying again.`, lifeMs: 8000 },
  connection_restored: { whose: 'all', topic: 'venue', tone: 'good', text: (name) => `${name} delivers again.`, lifeMs: 5000 },
  venue_not_trading: { whose: 'venue', topic: 'venue', tone: 'warn', text: (name) => `${name} takes no orders as usual.`, hint: sentence, lifeMs: 8000 },
  venue_trading: { whose: 'venue', topic: 'venue', tone: 'good', text: (name) => `${name} trades again.`, lifeMs: 5000 },

  trade_gap: { whose: 'own', topic: 'gap', tone: 'warn', text: (name) => `${name}: trades are missing.`, hint: sentence, lifeMs: 7000 },
  trade_gap_marked: { whose: 'own', topic: 'gap', tone: 'warn', text: (name) => `${name}: trades stay missing.`, hint: (said) => sentence(said.replace(/ \(([a-z_]+)\)$/, (_, reason: string) => `: ${reasonWords(reason)}`)), lifeMs: 7000 },
  trade_gap_healed: { whose: 'own', topic: 'gap', tone: 'good', text: (name) => `${name}: a gap was filled from history.`, hint: sentence, lifeMs: 5000 },
  trade_gap_closed: { whose: 'own', topic: 'gap', tone: 'good', text: (name) => `${name}: the missing trades only came late.`, hint: () => 'Nothing was lost.', lifeMs: 5000 },

  book_syncing: { whose: 'own', topic: 'book', tone: 'warn', text: (name) => `${name}: the book is being taken anew.`, hint: sentence, lifeMs: 7000 },
  book_trusted: { whose: 'own', topic: 'book', tone: 'good', text: (name) => `${name}: the book stands again.`, lifeMs: 5000 },

  venue_clock_ahead: { whose: 'venue', topic: 'clock', tone: 'warn', text: (name) => `The times of ${name} cannot be right.`, hint: sentence, lifeMs: 8000 },
  venue_clock_agrees: { whose: 'venue', topic: 'clock', tone: 'good', text: (name) => `The times of ${name} are right again.`, hint: () => 'What came meanwhile stays marked.', lifeMs: 5000 },
  venue_clock_set: { whose: 'venue', topic: 'clock', tone: 'warn', text: (name) => `The clock of ${name}, or of this machine, was set.`, hint: () => 'The time that nobody saw is a gap.', lifeMs: 8000 },
  clock_set_back: { whose: 'all', topic: 'clock', tone: 'warn', text: () => 'The clock of the machine that the desk runs on was set back.', hint: sentence, lifeMs: 8000 },

  subscription_rejected: { whose: 'own', topic: 'listing', tone: 'warn', text: (name) => `${name}: the venue refuses a stream.`, hint: (said) => `${sentence(said)} It is asked again now and then.`, lifeMs: 8000 },
  subscription_accepted: { whose: 'own', topic: 'listing', tone: 'good', text: (name) => `${name}: the venue serves it after all.`, lifeMs: 5000 },
  instrument_unlisted: { whose: 'own', topic: 'listing', tone: 'warn', text: (name) => `${name} is not listed any more.`, hint: sentence, lifeMs: 8000 },
  instrument_listed: { whose: 'own', topic: 'listing', tone: 'good', text: (name) => `${name} is listed and traded again.`, lifeMs: 5000 },
  not_trading: { whose: 'own', topic: 'listing', tone: 'warn', text: (name) => `${name} is listed, but not traded now.`, lifeMs: 8000 },
};

function concerns(whose: Whose, subject: string, selected: string | null): boolean {
  if (whose === 'all') return true;
  return selected !== null && subject === (whose === 'own' ? selected : selected.split('@')[1]);
}

/** Rule 2: what is said of an event, or null. */
export function aloud(event: DeskEvent, selected: string | null): ToastSaid | null {
  const saying = Object.hasOwn(ALOUD, event.code) ? ALOUD[event.code] : undefined;
  if (saying === undefined || !concerns(saying.whose, event.subject, selected)) return null;
  const name = saying.whose === 'own' ? (event.subject.split('@')[0] ?? event.subject) : venueName(event.subject);
  const hint = saying.hint?.(event.message) ?? '';
  return { key: `${saying.topic}:${event.subject}`, tone: saying.tone, text: saying.text(name), ...(hint ? { hint } : {}), lifeMs: saying.lifeMs };
}

/** A hiccup shorter than this is the pill's business only. */
export const LOST_AFTER_MS = 2000;

/** Rule 2, of the page's own connection. */
export class LinkWatch {
  private lostAt: number | null = null;
  private wasUp = false;
  private said = false;

  look(up: boolean, now: number): ToastSaid | null {
    if (!up) {
      this.lostAt ??= now;
      if (!this.wasUp || this.said || now - this.lostAt < LOST_AFTER_MS) return null;
      this.said = true;
      return { key: 'link', tone: 'error', text: 'The desk is not heard any more.', hint: 'What is shown is from before. The page keeps trying.', lifeMs: null };
    }
    const away = this.lostAt === null ? 0 : now - this.lostAt;
    const back = this.said;
    this.wasUp = true;
    this.said = false;
    this.lostAt = null;
    return back ? { key: 'link', tone: 'good', text: `The desk is heard again, after ${duration(away)}.`, lifeMs: 5000 } : null;
  }
}

/** Level and words, as the log's two filters ask for them. */
export type LevelFilter = 'all' | 'warning' | 'error';

export function fits(event: DeskEvent, level: LevelFilter, text: string): boolean {
  if (level === 'error' && event.level !== 'error') return false;
  if (level === 'warning' && event.level === 'info') return false;
  const words = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const whole = `${event.level} ${event.code} ${event.subject} ${event.message}`.toLowerCase();
  return words.every((word) => whole.includes(word));
}
