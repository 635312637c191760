/**
 * The books of several venues as one: what the page draws of the desk's answer. It merges nothing and judges nobody.
 *
 * Rules:
 * 1. Only spot pairs of one base and one quote stand in one book: currencies and contracts are never taken for one another.
 * 2. A venue's mark is the first letter of each word of its name, or more of it where another one has that already.
 * 3. Who is out is named with the desk's reason; nothing of it is in any level.
 */
import { decimalsOf, formatPrice, venueName } from './format';
import { ladderOf, type LadderRow } from './ladder';
import type { BestBook, InstrumentFacts, MergedLevel, VenueRow } from './protocol';

/** Sizes of several venues are sums: rounded to this at most, exact in the title. */
const MOST_LOTS = 5;

/** `BTC-USD` where at least two venues of the desk have the pair of this instrument, else null (rule 1). */
export function sharedPair(instrument: string | null, facts: Record<string, InstrumentFacts>): string | null {
  const own = instrument === null ? undefined : facts[instrument];
  if (!own || !isSpot(own)) return null;
  const venues = Object.values(facts).filter((each) => isSpot(each) && each.symbol === own.symbol);
  return new Set(venues.map((each) => each.venue)).size > 1 ? own.symbol : null;
}

function isSpot(facts: InstrumentFacts): boolean {
  return facts.symbol === `${facts.base}-${facts.quote}`;
}

/** Rule 2, by venue. */
export function marksOf(venues: readonly string[]): Record<string, string> {
  const marks: Record<string, string> = {};
  for (const venue of venues) {
    const initials = venue.split('_').map((word) => word.charAt(0)).join('');
    const wishes = [initials, venue.slice(0, 2), venue.slice(0, 3), venue].map((mark) => mark.toUpperCase());
    marks[venue] = wishes.find((mark) => !Object.values(marks).includes(mark)) ?? venue;
  }
  return marks;
}

export interface MergedRow extends LadderRow {
  /** Of who stands there, the larger first. */
  shares: [venue: string, quantity: number][];
}

export interface MergedLadder {
  bids: MergedRow[];
  asks: MergedRow[];
  spread: number | null;
  spreadBps: number | null;
}

export function mergedLadder(book: BestBook): MergedLadder {
  const plain = (levels: MergedLevel[]): [number, number][] => levels.map(([price, quantity]) => [price, quantity]);
  const { bids, asks, ...rest } = ladderOf({ bids: plain(book.bids), asks: plain(book.asks) });
  const shared = (rows: LadderRow[], levels: MergedLevel[]): MergedRow[] =>
    rows.map((row, i) => ({ ...row, shares: Object.entries(levels[i]?.[2] ?? {}).sort((one, other) => other[1] - one[1]) }));
  return { bids: shared(bids, book.bids), asks: shared(asks, book.asks), ...rest };
}

/** "Coinbase 0.7, Kraken 0.12": exact, as the venues say them. */
export function shareWords(row: MergedRow): string {
  return row.shares.map(([venue, quantity]) => `${venueName(venue)} ${formatPrice(quantity, decimalsOf(quantity))}`).join(', ');
}

/** Who has the best of a side: with the larger quantity, where several have it. */
export function bestAt(rows: MergedRow[]): string {
  return rows[0]?.shares.map(([venue]) => venueName(venue)).join(', ') ?? '';
}

export function lotsOf(decimals: readonly number[]): number {
  return Math.min(MOST_LOTS, Math.max(0, ...decimals));
}

/** Why a venue takes no part, in one line; empty when it is in (rule 3). */
export function outWords(row: VenueRow): string {
  if (row.out === null) return '';
  if (/^(?:re)?connecting: /.test(row.why)) return `${row.out}: no connection`; // the cause is in health
  return row.why === '' || row.why === row.out ? row.out : `${row.out}: ${row.why}`;
}

/** That the book is crossed, as it is; else how many are in. */
export function standing(book: BestBook): string {
  if (book.crossed_by !== null) {
    const [bidder, asker] = book.crossed_by.map((each) => venueName(each.split('@')[1] ?? each));
    return `${bidder} bids more than ${asker} asks.`;
  }
  const inside = book.venues.filter((row) => row.out === null).length;
  return `${inside} of ${book.venues.length} venues are in.`;
}

/** What of it has no sequence numbers that would prove it whole. */
export function unverifiedWords(book: BestBook): string {
  const names = book.venues.filter((row) => row.out === null && row.coverage.state === 'unverified').map((row) => venueName(row.venue));
  return `${names.join(', ') || 'A venue'} ${names.length > 1 ? 'give' : 'gives'} no sequence numbers here`;
}

/** Where the book ends for want of knowledge, a sentence a side. */
export function endWords(book: BestBook): string[] {
  const end = (side: string, at: string | null): string => (at === null ? '' : `${side} end where ${venueName(at.split('@')[1] ?? at)} is known no deeper.`);
  return [end('Bids', book.bids_end_at), end('Asks', book.asks_end_at)].filter(Boolean);
}
