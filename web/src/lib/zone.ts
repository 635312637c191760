/**
 * Time zones by their names: which there are, and how far each is from UTC at an instant.
 *
 * It knows no calendar of its own: the browser's table of zones is the only source.
 */
import type { Micros } from './protocol';

export const UTC = 'UTC';
/** What this computer is set to. */
export const LOCAL = 'local';

const MINUTE_MS = 60_000;
/** Zones change their distance at quarters of an hour only. */
const QUARTER_MS = 15 * MINUTE_MS;
const KEPT_QUARTERS = 20_000;

const formats = new Map<string, Intl.DateTimeFormat>();
const distances = new Map<string, number>();

export function isZone(name: string): boolean {
  if (name === UTC || name === LOCAL) return true;
  if (!/^[A-Za-z]/.test(name)) return false; // "+02:00" is a distance, not a place
  try {
    return Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** The name itself, and this computer's zone for `local`. */
export function resolveZone(name: string): string {
  return name === LOCAL ? Intl.DateTimeFormat().resolvedOptions().timeZone : name;
}

export function allZones(): string[] {
  const listed = Intl.supportedValuesOf('timeZone').filter((name) => name !== UTC);
  return [UTC, ...listed];
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  formats.set(zone, made);
  return made;
}

/** How many minutes a zone (resolved) is ahead of UTC at an instant. */
export function minutesAhead(zone: string, micros: Micros): number {
  if (zone === UTC) return 0;
  const quarter = Math.floor(micros / 1000 / QUARTER_MS);
  const key = `${zone} ${quarter}`;
  const known = distances.get(key);
  if (known !== undefined) return known;
  const named = formatOf(zone).formatToParts(quarter * QUARTER_MS).find((part) => part.type === 'timeZoneName')?.value ?? '';
  const found = /GMT([+-])(\d{2}):?(\d{2})?/.exec(named);
  const minutes = found ? (found[1] === '-' ? -1 : 1) * (Number(found[2]) * 60 + Number(found[3] ?? 0)) : 0;
  if (distances.size >= KEPT_QUARTERS) distances.clear();
  distances.set(key, minutes);
  return minutes;
}

/** UTC, UTC+2, UTC+5:30: what stands beside a time, as it was at that instant. */
export function zoneWords(zone: string, micros: Micros): string {
  const ahead = minutesAhead(zone, micros);
  if (ahead === 0) return UTC;
  const size = Math.abs(ahead);
  const minutes = size % 60 === 0 ? '' : `:${String(size % 60).padStart(2, '0')}`;
  return `UTC${ahead < 0 ? '−' : '+'}${Math.floor(size / 60)}${minutes}`;
}
