/**
 * The bars of one instrument and interval, in time order, as received; and their linear time axis.
 *
 * Rules:
 * 1. It does not draw and does not fill: an interval of which nobody knows is an unknown bar, or absent.
 * 2. Candles come at once and often, the desk's row of bars (history and live as one) a moment later. What the row told
 *    as closed is the row's: it tells again what heals. The open bar is the candle's where that was watched from its opening.
 * 3. Pages of history give way to all that is newer, and take the place of a closed bar that is weaker than their own.
 */
import type { Candle } from './protocol';

/** How much is known of a bar. */
const STRENGTH: Record<string, number> = { complete: 3, healed: 3, unverified: 2, incomplete: 1 };

function strength(bar: Candle): number {
  return isUnknown(bar) ? 0 : (STRENGTH[bar.coverage.state ?? ''] ?? 0);
}

/** Nobody has said whether there was a trade. */
export function isUnknown(bar: Candle): boolean {
  return bar.kind === undefined ? bar.trades === 0 && ['incomplete', 'unknown'].includes(bar.coverage.state ?? '') : bar.kind === 'unknown';
}

/** It is known that there was none. */
export function isQuiet(bar: Candle): boolean {
  return bar.kind === undefined ? bar.trades === 0 && !isUnknown(bar) : bar.kind === 'quiet';
}

/** The venue whose bar stands here in place of one that its own venue has not told; else empty. `binance+live` is of both. */
export function lender(bar: Candle, venue: string): string {
  return bar.source?.split('+').find((part) => !['', 'live', venue].includes(part)) ?? '';
}

/** They are drawn the same. */
function looksLike(one: Candle, other: Candle): boolean {
  const figures = (bar: Candle): unknown[] => [bar.open, bar.high, bar.low, bar.close, bar.volume, bar.coverage.state, isUnknown(bar), isQuiet(bar), bar.source ?? 'live'];
  const theirs = figures(other);
  return figures(one).every((value, i) => value === theirs[i]);
}

export class Bars {
  private byTime = new Map<number, Candle>();
  private sorted: Candle[] = [];
  /** Rule 2: what the row told as closed, and which bar it told as open. */
  private told = new Set<number>();
  private toldOpen = -1;
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
    this.told.clear();
    this.load([]);
  }

  /**
   * Snapshot of candles: what is older stays where it joins them, or where the row will fill what lies between. Else
   * it may be of another source (a desk started anew on a tape), so it goes; so does what is later.
   */
  reset(candles: Candle[]): void {
    const first = candles[0]?.open_time;
    const last = candles.at(-1)?.open_time ?? Infinity;
    const follows = this.told.size > 0 && (first === undefined || first > (this.last?.open_time ?? Infinity));
    const joins = follows || (first !== undefined && this.byTime.has(first));
    if (!joins) this.told.clear();
    const kept = joins ? this.sorted.filter(({ open_time }) => open_time < (first ?? Infinity) || (this.told.has(open_time) && open_time <= last)) : [];
    this.load([...kept, ...candles.filter((candle) => !this.told.has(candle.open_time))]);
  }

  /** Snapshot of the row; an empty one comes before the series is there. */
  resetRow(bars: Candle[]): void {
    const [first] = bars;
    const newest = bars.at(-1);
    if (first === undefined || newest === undefined) return;
    const joins = this.byTime.has(first.open_time);
    const kept = this.sorted.filter((bar) => (joins && bar.open_time < first.open_time) || (bar.open_time >= newest.open_time && !this.told.has(bar.open_time)));
    this.told.clear();
    this.load(kept);
    this.tell(bars);
  }

  /** Changed bars of the row. */
  tell(bars: Candle[]): void {
    this.change(
      bars.filter((bar) => {
        if (bar.closed) this.told.add(bar.open_time);
        else this.toldOpen = bar.open_time;
        const ours = this.byTime.get(bar.open_time);
        return bar.closed || ours === undefined || ours.kind !== undefined || strength(ours) < 2; // rule 2
      }),
    );
  }

  /** Changed candles. */
  apply(changed: Candle[]): void {
    this.change(changed.filter((candle) => !this.told.has(candle.open_time) && (candle.open_time !== this.toldOpen || strength(candle) >= 2))); // rule 2
  }

  /** A page of history (rule 3); how many known bars it has before the first known one. The open one is moved by the desk alone. */
  merge(page: Candle[]): number {
    const first = this.sorted[0]?.open_time ?? Infinity;
    const firstKnown = this.sorted.find((bar) => !isUnknown(bar))?.open_time ?? Infinity;
    const older = page.filter((bar) => bar.open_time < first);
    const better = page.filter((bar) => {
      const ours = this.byTime.get(bar.open_time);
      return ours?.closed && bar.closed && strength(bar) > strength(ours);
    });
    if (older.length + better.length > 0) this.load([...older, ...this.sorted, ...better]);
    return page.filter((bar) => bar.open_time < firstKnown && !isUnknown(bar)).length;
  }

  private change(changed: Candle[]): void {
    for (const candle of changed) {
      const last = this.last?.open_time ?? -Infinity;
      const before = this.byTime.get(candle.open_time);
      this.byTime.set(candle.open_time, candle);
      if (candle.open_time > last) this.sorted.push(candle);
      else if (candle.open_time === last) this.sorted[this.sorted.length - 1] = candle;
      else this.revise(candle, before);
    }
    if (changed.length > 0) this.version += 1;
  }

  private revise(candle: Candle, before: Candle | undefined): void {
    if (before) this.sorted[this.place(candle.open_time)] = candle;
    else this.sorted.splice(this.place(candle.open_time), 0, candle);
    if (!before || !looksLike(before, candle)) this.epoch += 1;
  }

  /** Where it is, or would be. */
  private place(openTime: number): number {
    let [low, high] = [0, this.sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.sorted[middle] as Candle).open_time < openTime) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private load(candles: Candle[]): void {
    this.byTime = new Map(candles.map((candle) => [candle.open_time, candle]));
    this.sorted = [...this.byTime.values()].sort((a, b) => a.open_time - b.open_time);
    this.version += 1;
    this.epoch += 1;
  }
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
