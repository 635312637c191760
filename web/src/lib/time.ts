/** Instants for people, in the zone that the user reads times in. Each place that shows one says which (`zoneAt`). */
import type { Micros } from './protocol';
import { shown } from './shown.svelte';
import { minutesAhead, zoneWords } from './zone';

export { wallNow } from './wall';

const MINUTE_MS = 60_000;

const two = (n: number): string => String(n).padStart(2, '0');

/** Its UTC fields read as the zone's clock and calendar. */
function moved(micros: Micros, zone: string): Date {
  return new Date(micros / 1000 + minutesAhead(zone, micros) * MINUTE_MS);
}

/** UTC, UTC+2: of the zone that times are shown in, at that instant. */
export function zoneAt(micros: Micros, zone = shown.zone): string {
  return zoneWords(zone, micros);
}

/** 14:02:11 */
export function clockTime(micros: Micros, zone = shown.zone): string {
  const d = moved(micros, zone);
  return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`;
}

/** 14:02:11.123 */
export function clockTimeMs(micros: Micros, zone = shown.zone): string {
  const ms = Math.floor(micros / 1000) % 1000;
  return `${clockTime(micros, zone)}.${String(ms).padStart(3, '0')}`;
}

/** 2024-08-09 */
export function day(micros: Micros, zone = shown.zone): string {
  return moved(micros, zone).toISOString().slice(0, 10);
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** 9 Aug */
export function dayOfMonth(micros: Micros, zone = shown.zone): string {
  const d = moved(micros, zone);
  return `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]}`;
}

/** 2024-08-09 00:01:12 */
export function dayTime(micros: Micros, zone = shown.zone): string {
  return `${day(micros, zone)} ${clockTime(micros, zone)}`;
}

/** 2024-08-09 00:01:12 UTC */
export function dayTimeZone(micros: Micros, zone = shown.zone): string {
  return `${dayTime(micros, zone)} ${zoneAt(micros, zone)}`;
}

/** 12 s, 4 m 10 s, 3 h 20 m, 2 d 4 h: at most two parts, so that its width hardly changes. */
export function duration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  const m = Math.floor(s / 60);
  if (m < 60) return s % 60 === 0 ? `${m} m` : `${m} m ${s % 60} s`;
  const h = Math.floor(m / 60);
  if (h < 24) return m % 60 === 0 ? `${h} h` : `${h} h ${m % 60} m`;
  return h % 24 === 0 ? `${Math.floor(h / 24)} d` : `${Math.floor(h / 24)} d ${h % 24} h`;
}

/** The same with a finer end for short spans: 240 ms. */
export function span(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : duration(ms);
}

/** A month is one of the year's mean; months that follow each other are never two of these apart. */
const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800, M: 2_629_746 };

export function intervalSeconds(interval: string): number {
  return Number(interval.slice(0, -1)) * (SECONDS[interval.slice(-1)] ?? 1);
}
