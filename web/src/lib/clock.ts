/**
 * The desk's clock as this page can know it, so that ages go on counting between frames.
 *
 * Rules:
 * 1. Live and simulated markets run at the speed of the wall.
 * 2. A tape at x20 makes its data old twenty times as fast; a tape that ended makes nothing older.
 * 3. Without a desk the wall counts, whatever the source was.
 * A change of speed never makes an age jump.
 */

export class DeskClock {
  private wallAt = 0;
  private readingAt = 0;
  private rate = 1;

  /** Milliseconds on the desk's clock; only differences mean something. */
  read(wall: number): number {
    return this.readingAt + (wall - this.wallAt) * this.rate;
  }

  setRate(rate: number, wall: number): void {
    if (rate === this.rate) return;
    this.readingAt = this.read(wall);
    this.wallAt = wall;
    this.rate = rate;
  }
}

export interface Dated {
  age_ms: number | null;
}

export function ageNow(clock: DeskClock, row: Dated, receivedAt: number, wall: number): number | null {
  if (row.age_ms === null || row.age_ms === undefined) return null;
  return row.age_ms + Math.max(0, clock.read(wall) - clock.read(receivedAt));
}
