import { describe, expect, it } from 'vitest';
import { Bars, LONGEST_HOLE, placesBetween } from '../src/lib/bars';
import { ageNow } from '../src/lib/clock';
import { briefly, gapWords, read } from '../src/lib/coverage';
import { dotOf } from '../src/lib/dots';
import { fitting, LADDER_LEVELS, ladderOf } from '../src/lib/ladder';
import type { Book, Candle, Gap, Health, PriceRow, Trade } from '../src/lib/protocol';
import { newestPrice } from '../src/lib/newest';
import { badgeOf, clockOf, isAnotherSource, pillOf } from '../src/lib/status';
import { weaveGaps } from '../src/lib/tape';
import { duration, intervalSeconds } from '../src/lib/time';

const MIDDAY = 1723204800000000; // 2024-08-09 12:00:00 UTC

function candle(time: number, close = 1): Candle {
  return { open_time: time, open: 1, high: 1, low: 1, close, volume: 1, trades: 1, closed: true, coverage: { state: 'complete' } };
}

function gap(change: Partial<Gap> = {}): Gap {
  return { stream: 'trades', first_id: '17', last_id: '19', start: MIDDAY, end: MIDDAY + 3e6, reason: 'missing', healed: false, ...change };
}

function health(change: Partial<Health>): Health {
  return { status: 'ok', version: '1', source: 'live', tape: null, simulation: null, now: 0, state_hash: null, venues: {}, instruments: {}, notices: [], ...change };
}

const OPEN = { state: 'open', attempt: 0, retryAt: null, lastFrameAt: 0, since: 0, wireErrors: 0, holes: 0 } as const;

describe('the clock of the bar', () => {
  const wall = new Date('2026-01-02T03:04:05Z');
  const tape = { name: 'a', speed: 1, position: MIDDAY, start: null, end: null, ended: false, loops: 0, damage: null };

  it('is this computer\'s only while there is no tape', () => {
    expect(clockOf(null, wall)).toMatchObject({ text: '03:04:05', zone: 'UTC', twice: false });
    expect(clockOf(health({}), wall)).toMatchObject({ text: '03:04:05', zone: 'UTC' });
    const playing = clockOf(health({ source: 'tape', tape }), wall);
    expect(playing).toMatchObject({ text: '12:00:00', zone: 'UTC tape', twice: true });
    expect(playing.detail).toContain("The tape's time: 2024-08-09 12:00:00 UTC.");
    expect(clockOf(health({ source: 'tape', tape: null }), wall).text).toBe('—');
  });

  it('has the date when the badge has none', () => {
    const ended = clockOf(health({ source: 'tape', tape: { ...tape, ended: true } }), wall);
    expect(ended).toMatchObject({ text: '2024-08-09 12:00:00', zone: 'UTC tape', twice: false });
  });
});

describe('bars', () => {
  it('changes its epoch only when more than the newest bar changed', () => {
    const bars = new Bars();
    bars.reset([candle(1), candle(2)]);
    const { epoch } = bars;
    bars.apply([candle(2, 5), candle(3)]);
    expect(bars.epoch).toBe(epoch);
    expect(bars.list.map((bar) => bar.close)).toEqual([1, 5, 1]);
    bars.apply([candle(1, 9)]);
    expect(bars.epoch).toBeGreaterThan(epoch);
    expect(bars.at(1)?.close).toBe(9);
  });

  it('keeps older pages that join a new snapshot and drops those that do not', () => {
    const bars = new Bars();
    bars.reset([candle(5), candle(6)]);
    expect(bars.merge([candle(3), candle(4), candle(5)])).toBe(2);
    bars.reset([candle(6), candle(7)]);
    expect(bars.list.map((bar) => bar.open_time)).toEqual([3, 4, 5, 6, 7]);
    bars.reset([candle(90)]);
    expect(bars.list.map((bar) => bar.open_time)).toEqual([90]);
  });

  it('takes from history what was not watched whole, and leaves the open bar to the desk', () => {
    const part = (time: number, closed = true): Candle => ({ ...candle(time, 7), closed, coverage: { state: 'incomplete' } });
    const bars = new Bars();
    bars.reset([part(5), candle(6, 8), part(7), part(8, false)]);
    expect(bars.merge([candle(4), candle(5), candle(6), part(7), candle(8)])).toBe(1);
    expect(bars.list.map((bar) => bar.close)).toEqual([1, 1, 8, 7, 7]);
  });

  it('keeps the places of a gap, and says how many of a long one it left out', () => {
    expect(placesBetween(0, 60, 60)).toEqual({ places: [], leftOut: 0 });
    expect(placesBetween(0, 180, 60)).toEqual({ places: [60, 120], leftOut: 0 });
    const long = placesBetween(0, 60 * 10_001, 60);
    expect(long.places).toHaveLength(LONGEST_HOLE);
    expect(long.places.at(-1)).toBe(60 * 10_000);
    expect(long.leftOut).toBe(10_000 - LONGEST_HOLE);
  });
});

describe('ages', () => {
  const row = { age_ms: 100, ts_recv: 5_000_000 };
  const now = { wall: 2000, tape: null, lostAt: null };

  it('count on between frames', () => {
    expect(ageNow(row, 1000, now)).toBe(1100);
    expect(ageNow({ age_ms: null, ts_recv: null }, 0, now)).toBeNull();
  });

  it('follow the tape’s own time, and the wall once the desk is lost', () => {
    expect(ageNow(row, 1000, { ...now, tape: 5_100_000 })).toBe(100);
    expect(ageNow(row, 1000, { ...now, tape: 25_000_000 })).toBe(20_000);
    expect(ageNow(row, 1000, { ...now, tape: 4_000_000 })).toBe(100); // a row newer than the last report
    expect(ageNow(row, 1000, { wall: 9000, tape: 5_100_000, lostAt: 2000 })).toBe(7100);
  });
});

describe('coverage', () => {
  it('tells what is missing in words', () => {
    expect(gapWords(gap())).toBe('3 trades missing, 12:00:00–12:00:03 UTC');
    expect(gapWords(gap({ first_id: null, last_id: null }))).toBe('3 s missing, 12:00:00–12:00:03 UTC');
    expect(gapWords(gap({ healed: true }))).toBe('healed 12:00:00–12:00:03 UTC, 3 trades from history');
  });

  it('takes an absent certificate for unknown, never for complete', () => {
    expect(read({}).mark).toBe('unknown');
    expect(read(null).mark).toBe('unknown');
    expect(read({ state: 'complete' }).mark).toBe('plain');
    expect(read({ state: 'complete' }, { missing: true, whyMissing: 'no trade seen yet' })).toMatchObject({ mark: 'unknown' });
    expect(read({ state: 'unverified', sources: ['coinbase'] }).words).toContain('Coinbase gives no sequence numbers here');
  });

  it('is told in a line without the beginning of a list', () => {
    const many = read({ state: 'incomplete', gaps: Array.from({ length: 24 }, () => gap()) });
    expect(many.words).toContain('24 gaps, the last 4:\n');
    expect(briefly(many)).toBe('24 gaps');
    expect(briefly(read({ state: 'incomplete', gaps: [gap(), gap()] }))).toBe('3 trades missing, 12:00:00–12:00:03 UTC');
  });

  it('is stale whenever the desk cannot be heard', () => {
    expect(read({ state: 'complete' }, { linkDown: true, ageMs: 12_000 })).toMatchObject({ stale: true });
    const row = { price: 1, stale: false } as PriceRow;
    expect(dotOf({ row, health: null, ageMs: 10, up: false, ended: false })).toBe('stale');
    expect(dotOf({ row, health: null, ageMs: 10, up: true, ended: true })).toBe('ended');
    expect(dotOf({ row: null, health: null, ageMs: null, up: true, ended: false })).toBe('waiting');
  });

  it('puts a snapshot’s open gaps between its trades', () => {
    const trade = (at: number) => ({ kind: 'trade', price: 1, quantity: 1, side: 'buy', trade_id: String(at), ts_event: at, ts_recv: at }) as const;
    const woven = weaveGaps([trade(10), trade(20)], [gap({ start: 12 }), gap({ start: 13, healed: true }), gap({ start: 5 })]);
    expect(woven.map((item) => item.kind)).toEqual(['trade', 'gap', 'trade']);
  });
});

describe('badge and pill', () => {
  it('call every source by its name', () => {
    expect(badgeOf(null, false).kind).toBe('none');
    expect(badgeOf(health({}), false).text).toBe('LIVE');
    expect(badgeOf(health({ source: 'twin' }), false).text).toBe('SIMULATED');
    expect(badgeOf(health({}), true).text).toBe('SIMULATED'); // synthetic data under a live badge would lie
    const tape = { name: 'x', speed: 20, position: 1723161672000000, start: 0, end: 1, ended: false, loops: 0, damage: null };
    expect(badgeOf(health({ source: 'tape', tape }), false).text).toBe('TAPE x20 2024-08-09 00:01:12 UTC');
    expect(badgeOf(health({ source: 'tape', tape: { ...tape, speed: null } }), false).text).toContain('TAPE max');
    expect(badgeOf(health({ source: 'tape', tape: { ...tape, ended: true } }), false).text).toBe('TAPE ENDED');
    expect(badgeOf(health({ source: 'tape', tape: { ...tape, ended: true, damage: 'line 7' } }), false).text).toBe('TAPE DAMAGED');
  });

  it('say why a market is simulated, and that it is, also while the desk is away', () => {
    const simulation = { seed: 7, reason: 'no live host answers: a cannot be connected to', live_reachable: false };
    const badge = badgeOf(health({ source: 'twin', simulation }), false, false);
    expect(badge).toMatchObject({ kind: 'simulated', text: 'SIMULATED', quiet: true });
    expect(badge.detail).toBe('A simulated market, seed 7. No price here was ever traded.\nWhy: no live host answers: a cannot be connected to.');
    expect(badgeOf(health({ source: 'twin', simulation: { ...simulation, seed: null } }), false).detail).toContain('A simulated market. No');
  });

  it('are of one source as long as the page stands', () => {
    expect(isAnotherSource(null, health({}))).toBe(false);
    expect(isAnotherSource(health({ source: 'twin' }), null)).toBe(false);
    expect(isAnotherSource(health({ source: 'twin' }), health({ source: 'twin' }))).toBe(false);
    expect(isAnotherSource(health({ source: 'twin' }), health({}))).toBe(true);
  });

  it('say where a tape is', () => {
    const tape = { name: 'x', speed: 20, position: MIDDAY + 30e6, start: MIDDAY, end: MIDDAY + 120e6, ended: false, loops: 0, damage: null };
    expect(badgeOf(health({ source: 'tape', tape }), false)).toMatchObject({ progress: 0.25, quiet: false });
    expect(badgeOf(health({ source: 'tape', tape }), false).detail).toContain('25 % played, 4 s left');
    expect(badgeOf(health({ source: 'tape', tape: { ...tape, end: null } }), false).progress).toBeNull();
    expect(badgeOf(health({ source: 'tape', tape }), false, false)).toMatchObject({ quiet: true, text: 'TAPE x20 2024-08-09 12:00:30 UTC' });
  });

  it('do not look well while nothing is delivered', () => {
    const live = { status: 'live', symbol: 'X', message: '' } as Health['instruments'][string];
    expect(badgeOf(health({ instruments: { x: live } }), false)).toMatchObject({ text: 'LIVE', quiet: false });
    expect(badgeOf(health({ instruments: { x: live } }), false, false)).toMatchObject({ text: 'LIVE', quiet: true });
    expect(badgeOf(health({ instruments: { x: { ...live, status: 'stale' } } }), false)).toMatchObject({ text: 'LIVE', quiet: true });
  });

  it('show the worst that is true', () => {
    expect(pillOf({ ...OPEN, state: 'waiting', attempt: 3, retryAt: 4000 }, health({}), 1000).text).toBe('Desk away, retry in 3 s');
    expect(pillOf(OPEN, health({}), 0).level).toBe('ok');
    const venue = { status: 'failing', message: 'refused' } as Health['venues'][string];
    const row = { status: 'stale', symbol: 'X', message: '' } as Health['instruments'][string];
    expect(pillOf(OPEN, health({ status: 'degraded', venues: { binance: venue }, instruments: { x: row } }), 0)).toMatchObject({
      level: 'error',
      text: 'Binance failing +1',
    });
    const doubted = (message: string): string => pillOf(OPEN, health({ status: 'degraded', venues: {}, instruments: { x: { ...row, status: 'live', venue: 'binance', message } } }), 0).text;
    expect(doubted('its data comes 4.0 s late')).toBe('X late');
    expect(doubted("its times run 40.0 s ahead of its venue's clock")).toBe('Binance clock ahead');
    expect(doubted('something else')).toBe('X in doubt');
    expect(doubted('')).toBe('Degraded');
  });
});

describe('the newest price', () => {
  const row = { price: 10, ts_event: 100, ts_recv: 101 } as PriceRow;
  const trade = { price: 11, ts_event: 150, ts_recv: 151 } as Trade;

  it('is the one that was traded later, whichever stream brought it', () => {
    expect(newestPrice(null, 'x', row, trade)).toMatchObject({ price: 11, ts_event: 150 });
    expect(newestPrice(null, 'x', { ...row, ts_event: 200 }, trade)).toMatchObject({ price: 10, ts_event: 200 });
    expect(newestPrice(null, 'x', { ...row, price: null, ts_event: null }, null)).toBeNull();
    expect(newestPrice(null, null, row, trade)).toBeNull();
  });

  it('keeps its direction until it changes, and has none for another instrument', () => {
    const first = newestPrice(null, 'x', row, null);
    const up = newestPrice(first, 'x', row, trade);
    expect([first?.direction, up?.direction]).toEqual([0, 1]);
    expect(newestPrice(up, 'x', row, trade)).toBe(up);
    expect(newestPrice(up, 'x', row, { ...trade, ts_event: 160 })?.direction).toBe(1);
    expect(newestPrice(up, 'y', row, null)?.direction).toBe(0);
  });
});

it('adds up the ladder on one scale for both sides', () => {
  const ladder = ladderOf({ bids: [[99, 1], [98, 3]], asks: [[101, 2]] } as unknown as Book);
  expect(ladder.bids.map((row) => row.depth)).toEqual([0.25, 1]);
  expect(ladder.asks[0]?.depth).toBe(0.5);
  expect(ladder.spreadBps).toBe(200);
  expect(ladderOf({ bids: [], asks: [[1, 1]] } as unknown as Book).spread).toBeNull();
});

it('shows as many levels a side as fit, the best of each always', () => {
  expect(fitting(0)).toEqual({ levels: LADDER_LEVELS, heads: true });
  expect([40, 80, 96, 100, 130, 384, 2000].map((height) => fitting(height))).toEqual([
    { levels: 1, heads: false },
    { levels: 1, heads: false },
    { levels: 1, heads: true },
    { levels: 1, heads: true },
    { levels: 2, heads: true },
    { levels: 10, heads: true },
    { levels: 10, heads: true },
  ]);
});

it('writes durations and intervals', () => {
  expect([12_000, 250_000, 7_200_000, 90_000_000].map(duration)).toEqual(['12 s', '4 m 10 s', '2 h', '1 d 1 h']);
  expect(['1s', '15m', '4h', '1d'].map(intervalSeconds)).toEqual([1, 900, 14_400, 86_400]);
});
