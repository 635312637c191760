/**
 * What of the desk's events deserves attention: what the bell counts, and which few are said aloud.
 *
 * Rules:
 * 1. The bell counts warnings and errors that are later than the last one seen on the same source; a tape's events
 *    have the tape's time, so each source has a mark of its own.
 * 2. Said aloud are that this page does not hear its desk for more than a moment and hears it again, a venue's lost
 *    and restored connections, and what the selected instrument misses and gets back; the rest is the log's.
 */
import { venueName } from './format';
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

/** Rule 2: what is said of an event, or null. */
export function aloud(event: DeskEvent, selected: string | null): ToastSaid | null {
  const symbol = event.subject.split('@')[0] ?? event.subject;
  switch (event.code) {
    case 'connection_lost':
      return { key: `venue:${event.subject}`, tone: 'warn', text: `Connection to ${venueName(event.subject)} lost.`, hint: `${plainReason(event.message.split('; next attempt')[0] ?? '')} Trying again.`, lifeMs: 8000 };
    case 'connection_restored':
      return { key: `venue:${event.subject}`, tone: 'good', text: `${venueName(event.subject)} delivers again.`, lifeMs: 5000 };
    case 'trade_gap':
    case 'trade_gap_marked':
      return event.subject === selected ? { key: `gap:${event.subject}`, tone: 'warn', text: `${symbol}: trades ${event.code === 'trade_gap' ? 'are missing' : 'stay missing'}.`, hint: sentence(event.message), lifeMs: 7000 } : null;
    case 'trade_gap_healed':
      return event.subject === selected ? { key: `gap:${event.subject}`, tone: 'good', text: `${symbol}: a gap was filled from history.`, hint: sentence(event.message), lifeMs: 5000 } : null;
    case 'book_syncing':
      return event.subject === selected ? { key: `book:${event.subject}`, tone: 'warn', text: `${symbol}: the book is being taken anew.`, hint: sentence(event.message), lifeMs: 7000 } : null;
    case 'book_trusted':
      return event.subject === selected ? { key: `book:${event.subject}`, tone: 'good', text: `${symbol}: the book stands again.`, lifeMs: 5000 } : null;
    default:
      return null;
  }
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
