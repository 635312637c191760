/**
 * The candles of one instrument and interval, in time order, as received; and their linear time axis.
 *
 * It does not draw and does not fill: an interval of which nobody knows stays absent and is shown as unknown.
 */
import type { Candle } from './protocol';

export class Bars {
  private byTime = new Map<number, Candle>();
  private sorted: Candle[] = [];
  /** Goes up with every change. */
  version = 0;
  /** Goes up when bars other than the newest changed, so that a chart must be set anew. */
  epoch = 0;

  get list(): readonly Candle[] {
    return this.sorted;
  }

  get last(): Candle | null {
    return this.sorted.at(-1) ?? null;
  }

  at(openTime: number): Candle | null {
    return this.byTime.get(openTime) ?? null;
  }

  clear(): void {
    this.byTime = new Map();
    this.sorted = [];
    this.version += 1;
    this.epoch += 1;
  }

  /**
   * Snapshot: older pages that were scrolled in stay where it joins them. Where it does not, they may be of
   * another source (a desk started anew on a tape), so they go.
   */
  reset(candles: Candle[]): void {
    const first = candles[0]?.open_time;
    const joins = first !== undefined && this.byTime.has(first);
    const older = joins ? this.sorted.filter((candle) => candle.open_time < first) : [];
    this.load([...older, ...candles]);
  }

  /**
   * A page of history; how many bars it has before the first. Closed bars that were not watched whole give way to its own,
   * the open one is moved by the desk alone.
   */
  merge(page: Candle[]): number {
    const first = this.sorted[0]?.open_time ?? Infinity;
    const older = page.filter((bar) => bar.open_time < first);
    const better = page.filter((bar) => {
      const ours = this.byTime.get(bar.open_time);
      return ours?.closed && bar.closed && !isWhole(ours) && isWhole(bar);
    });
    if (older.length + better.length > 0) this.load([...older, ...this.sorted, ...better]);
    return older.length;
  }

  apply(changed: Candle[]): void {
    for (const candle of changed) {
      const last = this.last?.open_time ?? -Infinity;
      const known = this.byTime.has(candle.open_time);
      this.byTime.set(candle.open_time, candle);
      if (candle.open_time > last) this.sorted.push(candle);
      else if (candle.open_time === last) this.sorted[this.sorted.length - 1] = candle;
      else this.revise(candle, known);
    }
    if (changed.length > 0) this.version += 1;
  }

  private revise(candle: Candle, known: boolean): void {
    if (known) this.sorted = this.sorted.map((old) => (old.open_time === candle.open_time ? candle : old));
    else this.sorted = [...this.byTime.values()].sort((a, b) => a.open_time - b.open_time);
    this.epoch += 1;
  }

  private load(candles: Candle[]): void {
    this.byTime = new Map(candles.map((candle) => [candle.open_time, candle]));
    this.sorted = [...this.byTime.values()].sort((a, b) => a.open_time - b.open_time);
    this.version += 1;
    this.epoch += 1;
  }
}

function isWhole(bar: Candle): boolean {
  return bar.coverage.state === 'complete' || bar.coverage.state === 'healed';
}

/** Longest run of empty places that is drawn to scale; a longer one is cut to this and said so. */
export const LONGEST_HOLE = 600;

/** The empty places after `before` and before `after` (seconds), ascending. */
export function placesBetween(before: number, after: number, step: number): { places: number[]; leftOut: number } {
  const count = Math.max(0, Math.round((after - before) / step) - 1);
  const shown = Math.min(count, LONGEST_HOLE);
  const places: number[] = [];
  // The end of a long hole is the part next to what the reader looks at.
  for (let i = count - shown + 1; i <= count; i += 1) places.push(before + i * step);
  return { places, leftOut: count - shown };
}
