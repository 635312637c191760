/**
 * The desk's clock as this page can know it, so that ages go on counting between frames.
 *
 * Rules:
 * 1. Live and simulated markets run at the speed of the wall.
 * 2. A tape at x20 makes its data old twenty times as fast; a tape that ended makes nothing older.
 * 3. Without a desk the wall counts, whatever the source was.
 * A change of speed never makes an age jump.
 */

interface Stretch {
  wall: number;
  reading: number;
  rate: number;
}

/** Speeds change when a link is lost or a tape ends; what is older than so many changes counts at the oldest. */
const REMEMBERED = 32;

export class DeskClock {
  private stretches: Stretch[] = [{ wall: 0, reading: 0, rate: 1 }];

  /** Milliseconds on the desk's clock, for instants of the past as well; only differences mean something. */
  read(wall: number): number {
    const [oldest] = this.stretches;
    const { wall: start, reading, rate } = this.stretches.findLast((stretch) => stretch.wall <= wall) ?? (oldest as Stretch);
    return reading + (wall - start) * rate;
  }

  setRate(rate: number, wall: number): void {
    if (rate === this.stretches.at(-1)?.rate) return;
    this.stretches.push({ wall, reading: this.read(wall), rate });
    if (this.stretches.length > REMEMBERED) this.stretches.shift();
  }
}

export interface Dated {
  age_ms: number | null;
}

export function ageNow(clock: DeskClock, row: Dated, receivedAt: number, wall: number): number | null {
  if (row.age_ms === null || row.age_ms === undefined) return null;
  return row.age_ms + Math.max(0, clock.read(wall) - clock.read(receivedAt));
}
