/** One small mark per instrument: its shape says what its colour says. */
import type { InstrumentHealth, PriceRow } from './protocol';
import { duration } from './time';

export type Dot = 'fresh' | 'stale' | 'old' | 'waiting' | 'refused' | 'ended';

/** Stale data is amber first; a minute later nobody should trade on it. */
export const OLD_AFTER_MS = 60_000;

export interface DotInputs {
  row: PriceRow | null;
  health: InstrumentHealth | null;
  ageMs: number | null;
  up: boolean;
  ended: boolean;
}

/** The desk judges staleness by the source's own cadence; the page adds only that it cannot hear the desk. */
export function isStale({ row, health, up, ended }: DotInputs): boolean {
  if (!row || row.price === null) return false;
  if (!up) return true;
  if (ended || health?.status === 'ended') return false;
  return row.stale || health?.status === 'stale';
}

export function dotOf(inputs: DotInputs): Dot {
  const { row, health, ageMs, ended } = inputs;
  if (health?.status === 'refused') return 'refused';
  if (!row || row.price === null) return 'waiting';
  if (isStale(inputs)) return (ageMs ?? 0) > OLD_AFTER_MS ? 'old' : 'stale';
  if (ended || health?.status === 'ended') return 'ended';
  return 'fresh';
}

export function dotWords(dot: Dot, ageMs: number | null): string {
  const age = ageMs === null ? '' : ` ${duration(ageMs)}`;
  switch (dot) {
    case 'fresh':
      return 'live';
    case 'stale':
      return `stale${age}`;
    case 'old':
      return `stale${age}`;
    case 'waiting':
      return 'waiting';
    case 'refused':
      return 'refused';
    case 'ended':
      return 'ended';
  }
}
