import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Candle } from '../src/lib/protocol';
import { MINUTES, Spark, SparkQueue } from '../src/lib/sparks';
import { successor } from '../src/lib/watchlist';

const MINUTE = 60_000_000;

function candle(minute: number, close: number | null, state: Candle['coverage']['state'] = 'complete'): Candle {
  return { open_time: minute * MINUTE, open: close, high: close, low: close, close, volume: 1, trades: 1, closed: true, coverage: state ? { state } : {} };
}

/** The x of every point of a path, lines broken at M. */
function strokes(path: string): number[][] {
  return path.split('M').filter(Boolean).map((line) => line.split('L').map((point) => Number(point.split(' ')[0])));
}

describe('who is selected next', () => {
  it('is the one that takes the place, else the one before, and nobody on another desk', () => {
    expect(successor(['a', 'b', 'c'], ['a', 'c'], 'b')).toBe('c');
    expect(successor(['a', 'b', 'c'], ['a', 'b'], 'c')).toBe('b');
    expect(successor(['a', 'b', 'c', 'd'], ['a', 'd'], 'b')).toBe('d');
    expect(successor(['a', 'b'], ['a', 'b'], 'b')).toBeNull();
    expect(successor(['a', 'b'], ['x', 'y'], 'b')).toBeNull();
    expect(successor(['a'], ['b'], 'z')).toBeNull();
    expect(successor([], ['b'], null)).toBeNull();
  });
});

describe('the line of the last hour', () => {
  it('breaks where nobody watched, and shows a lone minute as a dot', () => {
    const spark = new Spark();
    spark.load([candle(100, 1), candle(101, 2), candle(105, 3), candle(110, 2), candle(111, 1)]);
    const lines = strokes(spark.path(60, 20));
    expect(lines.map((line) => line.length)).toEqual([2, 1, 2]);
    expect(spark.path(60, 20).match(/h\.1/g)).toHaveLength(1);
    expect(lines.flat()).toEqual([...lines.flat()].sort((a, b) => a - b));
  });

  it('keeps an hour and moves with the newest price', () => {
    const spark = new Spark();
    spark.load(Array.from({ length: 90 }, (_, i) => candle(1000 + i, i + 1)));
    expect(spark.count).toBe(MINUTES);
    const { version } = spark;
    expect(spark.move(90, 1089 * MINUTE)).toBe(false);
    expect(spark.version).toBe(version); // the same price draws nothing anew
    expect(spark.move(500, 1090 * MINUTE)).toBe(false);
    expect(spark.version).toBeGreaterThan(version);
    expect(spark.count).toBe(MINUTES);
    expect(spark.direction).toBe(1);
    expect(spark.move(1, 1091 * MINUTE)).toBe(false);
    expect(spark.direction).toBe(-1);
  });

  it('begins anew when time goes back, and keeps what came while candles were on their way', () => {
    const spark = new Spark();
    spark.load([candle(500, 5), candle(501, 6)]);
    expect(spark.move(7, 100 * MINUTE)).toBe(true);
    expect(spark.count).toBe(1);
    const fresh = new Spark();
    fresh.move(9, 502 * MINUTE);
    fresh.load([candle(500, 5), candle(501, 6), candle(502, 8)]);
    expect(fresh.count).toBe(3);
    expect(strokes(fresh.path(60, 20))).toHaveLength(1);
    expect(fresh.path(60, 20).endsWith('1.5')).toBe(true); // 9 is the highest, not the candle's 8
  });

  it('leaves out what nobody knows, and draws nothing of a single minute', () => {
    const spark = new Spark();
    spark.load([candle(1, 1, 'unknown'), candle(2, null), candle(3, 4)]);
    expect(spark.count).toBe(1);
    expect(spark.path(60, 20)).toBe('');
    expect(spark.move(null, 4 * MINUTE)).toBe(false);
    expect(spark.move(4, null)).toBe(false);
    expect(spark.count).toBe(1);
  });

  it('stays inside its box', () => {
    const spark = new Spark();
    spark.load(Array.from({ length: 60 }, (_, i) => candle(i, Math.sin(i) * 1e-7 + 1)));
    const numbers = spark.path(60, 22).match(/-?\d+(\.\d+)?/g)?.map(Number) ?? [];
    expect(Math.max(...numbers)).toBeLessThanOrEqual(60);
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    const flat = new Spark();
    flat.load([candle(1, 5), candle(2, 5)]);
    expect(flat.path(60, 22)).not.toContain('NaN');
  });
});

describe('the queue of lines', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('asks for one at a time, not for what nobody looks at, and survives a failure', async () => {
    const asked: string[] = [];
    let open = 0;
    let most = 0;
    const load = (name: string) => async () => {
      asked.push(name);
      most = Math.max(most, (open += 1));
      await new Promise((resume) => setTimeout(resume, 20));
      open -= 1;
      if (name === 'b') throw new Error('gone');
    };
    const queue = new SparkQueue(10);
    for (const name of ['a', 'b', 'c', 'd', 'a', 'e']) queue.ask(name, load(name));
    queue.forget('d');
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked.sort()).toEqual(['a', 'a', 'b', 'c', 'e']);
    expect(most).toBe(1);
    queue.ask('f', load('f'));
    await vi.advanceTimersByTimeAsync(100);
    expect(asked).toContain('f');
  });
});
