/**
 * How old a figure is now, between the desk's messages.
 *
 * Rules:
 * 1. Live and simulated: the desk's age at sending, plus the wall time since this browser received it.
 * 2. A tape has a time of its own, which the desk reports; between two reports it stands still here, as all that the
 *    page shows does. A tape that ended makes nothing older.
 * 3. Without a desk the wall counts from when it was lost, whatever the source was.
 */
import type { Micros } from './protocol';

export interface Dated {
  age_ms: number | null;
  /** When the desk received it, by the desk's clock. */
  ts_recv: Micros | null;
}

export interface Now {
  /** This browser's time in milliseconds (time.ts `wallNow`). */
  wall: number;
  /** The desk's time by its last report while it plays a tape, else null. */
  tape: Micros | null;
  /** When the desk was last heard, null while it can be heard. */
  lostAt: number | null;
}

export function ageNow(row: Dated, receivedAt: number, now: Now): number | null {
  if (row.age_ms === null) return null;
  if (now.tape === null) return row.age_ms + Math.max(0, now.wall - receivedAt); // rule 1
  const byTape = row.ts_recv === null ? 0 : (now.tape - row.ts_recv) / 1000;
  const alone = now.lostAt === null ? 0 : Math.max(0, now.wall - now.lostAt); // rule 3
  return Math.max(row.age_ms, byTape) + alone; // rule 2
}
