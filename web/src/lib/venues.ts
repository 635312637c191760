/**
 * The venues of the desk with what is followed at each, and how a venue stands as a whole.
 *
 * Rules:
 * 1. A socket that stands is no data. A venue of which nothing is live does not look well, whatever its connections say.
 * 2. Nor does one whose data is old when it comes: what is shown is then not what is.
 * 3. What is not well is named above the list, however long that is: an outage is seen without scrolling.
 */
import type { Dot } from './dots';
import { venueName } from './format';
import type { Health, InstrumentHealth, VenueHealth } from './protocol';

export interface VenueStanding {
  dot: Dot;
  words: string;
  tone: '' | 'warn' | 'bad';
}

export interface VenueGroup {
  name: string;
  /** Null where the desk tells of an instrument and not of its venue. */
  venue: VenueHealth | null;
  instruments: [name: string, row: InstrumentHealth][];
}

const BY_STATUS: Record<VenueHealth['status'], VenueStanding> = {
  ok: { dot: 'fresh', words: 'ok', tone: '' },
  connecting: { dot: 'waiting', words: 'connecting', tone: '' },
  reconnecting: { dot: 'stale', words: 'reconnecting', tone: 'warn' },
  failing: { dot: 'refused', words: 'failing', tone: 'bad' },
  ended: { dot: 'ended', words: 'ended', tone: '' },
};

/** In the desk's order of venues; instruments in theirs. */
export function groupsOf(health: Health): VenueGroup[] {
  const rows = Object.entries(health.instruments);
  const names = new Set([...Object.keys(health.venues), ...rows.map(([, row]) => row.venue)]);
  return [...names].map((name) => ({ name, venue: health.venues[name] ?? null, instruments: rows.filter(([, row]) => row.venue === name) }));
}

/** What the desk calls late (docs/reference/http.md, `data_late`). */
const LATE_MS = 3000;

export function isLate(lagMs: number | null): boolean {
  return lagMs !== null && lagMs > LATE_MS;
}

export function standingOf(status: VenueHealth['status'], rows: readonly InstrumentHealth[], lagMs: number | null = null): VenueStanding {
  const said = BY_STATUS[status];
  if (status === 'ok' && isLate(lagMs) && rows.some((row) => row.status === 'live')) return { dot: 'stale', words: 'late', tone: 'warn' }; // rule 2
  if (status !== 'ok' || rows.length === 0 || rows.some((row) => row.status === 'live' || row.status === 'ended')) return said;
  const all = (state: InstrumentHealth['status']): boolean => rows.every((row) => row.status === state);
  if (all('refused')) return { dot: 'refused', words: 'refused', tone: 'warn' };
  if (rows.some((row) => row.status === 'stale')) return { dot: 'stale', words: 'stale', tone: 'warn' };
  return { dot: 'waiting', words: 'waiting', tone: '' };
}

/** Its times cannot be right: how late it comes is not known. */
export function isAhead(row: InstrumentHealth): boolean {
  return / ahead of its venue's clock$/.test(row.message);
}

/** What is wrong with one that delivers (docs/reference/http.md): what comes is old, or its times cannot be right. */
export function doubtOf(row: InstrumentHealth): string {
  if (/ late$/.test(row.message)) return `${row.symbol} late`;
  return isAhead(row) ? `${venueName(row.venue)} clock ahead` : `${row.symbol} in doubt`;
}

export interface Ill {
  /** Where it stands in the list. */
  venue: string;
  words: string;
  tone: 'warn' | 'bad';
}

export interface Summary {
  words: string;
  ill: Ill[];
}

/** Everything in one line (rule 3): a venue that is not well for all of its own, else each instrument that is not. */
export function summaryOf(groups: readonly VenueGroup[], lagOf: (venue: string) => number | null): Summary {
  const rows = groups.flatMap((group) => group.instruments.map(([, row]) => row));
  const ended = rows.length > 0 && rows.every((row) => row.status === 'ended');
  const live = rows.filter((row) => row.status === 'live').length;
  const ill: Ill[] = [];
  for (const { name, venue, instruments } of groups) {
    const standing = venue && standingOf(venue.status, instruments.map(([, row]) => row), lagOf(name));
    if (standing && standing.tone !== '') {
      ill.push({ venue: name, words: `${venueName(name)} ${standing.words}`, tone: standing.tone });
      continue;
    }
    const sick = instruments.map(([, row]) => (row.status === 'stale' || row.status === 'refused' ? `${row.symbol} ${row.status}` : row.status === 'live' && row.message ? doubtOf(row) : ''));
    for (const words of new Set(sick.filter(Boolean))) ill.push({ venue: name, words, tone: 'warn' });
  }
  return { words: ended ? 'All streams ended' : `${live} of ${rows.length} streams live`, ill };
}
