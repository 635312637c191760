/**
 * The venues of the desk with what is followed at each, and how a venue stands as a whole.
 *
 * Rules:
 * 1. A socket that stands is no data. A venue of which nothing is live does not look well, whatever its connections say.
 * 2. Nor does one whose data is old when it comes: what is shown is then not what is.
 */
import type { Dot } from './dots';
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
