/** Instants for people. All of it is UTC and says so; nothing here knows a time zone of its own. */
import type { Micros } from './protocol';

/**
 * Milliseconds on a line that a worker and its page share and that a corrected host clock does not bend.
 */
export function wallNow(): number {
  return performance.timeOrigin + performance.now();
}

const two = (n: number): string => String(n).padStart(2, '0');

/** 14:02:11 */
export function clockTime(micros: Micros): string {
  const d = new Date(micros / 1000);
  return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`;
}

/** 14:02:11.123 */
export function clockTimeMs(micros: Micros): string {
  const ms = Math.floor(micros / 1000) % 1000;
  return `${clockTime(micros)}.${String(ms).padStart(3, '0')}`;
}

/** 2024-08-09 */
export function day(micros: Micros): string {
  return new Date(micros / 1000).toISOString().slice(0, 10);
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** 9 Aug */
export function dayOfMonth(micros: Micros): string {
  const d = new Date(micros / 1000);
  return `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]}`;
}

/** 2024-08-09 00:01:12 */
export function dayTime(micros: Micros): string {
  return `${day(micros)} ${clockTime(micros)}`;
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

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

export function intervalSeconds(interval: string): number {
  return Number(interval.slice(0, -1)) * (SECONDS[interval.slice(-1)] ?? 1);
}
