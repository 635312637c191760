/**
 * The last hour of one instrument as a small line: from 1m candles once, then from prices.
 *
 * Rules:
 * 1. A minute that nobody watched is absent and breaks the line; nothing is drawn between.
 * 2. The newest price moves the end; a new minute pushes the oldest out.
 * 3. A price from before the line's end is of another time (a tape that starts over): the line begins anew.
 */
import type { Candle, Micros } from './protocol';

export const MINUTES = 60;
const MINUTE_US = 60_000_000;

export class Spark {
  private closes = new Map<number, number>();
  private last = -Infinity;
  /** Goes up when what is drawn changes. */
  version = 0;

  get count(): number {
    return this.closes.size;
  }

  load(candles: readonly Candle[]): void {
    const live = this.closes.get(this.last);
    const at = this.last;
    this.closes = new Map();
    this.last = -Infinity;
    for (const candle of candles) {
      if (candle.close !== null && candle.coverage.state !== 'unknown') this.put(Math.floor(candle.open_time / MINUTE_US), candle.close);
    }
    if (live !== undefined && at >= this.last) this.put(at, live); // what came while the candles were on their way
    this.version += 1;
  }

  /** True when the line must be asked for again (rule 3). */
  move(price: number | null, ts: Micros | null): boolean {
    if (price === null || ts === null) return false;
    const minute = Math.floor(ts / MINUTE_US);
    const anew = minute < this.last;
    if (anew) {
      this.closes = new Map();
      this.last = -Infinity;
    }
    if (this.closes.get(minute) === price) return anew;
    this.put(minute, price);
    this.version += 1;
    return anew;
  }

  private put(minute: number, price: number): void {
    this.closes.set(minute, price);
    this.last = Math.max(this.last, minute);
    for (const old of this.closes.keys()) if (old <= this.last - MINUTES) this.closes.delete(old); // rule 2
  }

  /** -1, 0 or 1: the end against the beginning. */
  get direction(): number {
    const minutes = [...this.closes.keys()].sort((a, b) => a - b);
    const first = this.closes.get(minutes[0] ?? NaN);
    const end = this.closes.get(minutes.at(-1) ?? NaN);
    return first === undefined || end === undefined ? 0 : Math.sign(end - first);
  }

  /** An SVG path in a box of this size; lone minutes are dots. Empty where there is nothing to draw. */
  path(width: number, height: number): string {
    const minutes = [...this.closes.keys()].sort((a, b) => a - b);
    if (minutes.length < 2) return '';
    const prices = minutes.map((minute) => this.closes.get(minute) ?? 0);
    const low = Math.min(...prices);
    const range = Math.max(...prices) - low;
    const pad = 1.5;
    const parts = minutes.map((minute, i) => {
      const x = ((MINUTES - 1 - (this.last - minute)) / (MINUTES - 1)) * (width - 2 * pad) + pad;
      const y = range === 0 ? height / 2 : height - pad - (((prices[i] ?? low) - low) / range) * (height - 2 * pad);
      const joins = minutes[i - 1] === minute - 1; // rule 1
      const alone = !joins && minutes[i + 1] !== minute + 1;
      return `${joins ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}${alone ? 'h.1' : ''}`;
    });
    return parts.join('');
  }
}

/** Asks for one line at a time, with a pause between, so that a list of hundreds is no burst. */
export class SparkQueue {
  private readonly waiting = new Map<string, () => Promise<void>>();
  private running = false;

  constructor(private readonly pauseMs = 60) {}

  ask(instrument: string, load: () => Promise<void>): void {
    this.waiting.set(instrument, load);
    if (!this.running) void this.run();
  }

  /** It is not looked at any more. */
  forget(instrument: string): void {
    this.waiting.delete(instrument);
  }

  private async run(): Promise<void> {
    this.running = true;
    for (let [next] = this.waiting; next !== undefined; [next] = this.waiting) {
      const [instrument, load] = next;
      this.waiting.delete(instrument);
      await load().catch(() => undefined); // a line that could not be had is an empty one, asked again when next looked at
      await new Promise((resume) => setTimeout(resume, this.pauseMs));
    }
    this.running = false;
  }
}
