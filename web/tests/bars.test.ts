import { describe, expect, it } from 'vitest';
import { Bars, isQuiet, isUnknown, lender } from '../src/lib/bars';
import { remarksOn, sourceOfBar, whyUnknown } from '../src/lib/barwords';
import type { Candle, CoverageState } from '../src/lib/protocol';

const MINUTE = 60_000_000;

function candle(time: number, close = 1, change: Partial<Candle> = {}): Candle {
  return { open_time: time, open: 1, high: 9, low: 1, close, volume: 1, trades: 1, closed: true, coverage: { state: 'complete' }, ...change };
}

function bar(time: number, close = 1, change: Partial<Candle> = {}): Candle {
  return candle(time, close, { kind: 'traded', source: 'binance', revision: 0, ...change });
}

function unknown(time: number, reason = 'source_failed'): Candle {
  const gap = { stream: 'candles', first_id: null, last_id: null, start: time, end: time + MINUTE, reason, healed: false };
  return bar(time, 0, { kind: 'unknown', open: null, high: null, low: null, close: null, volume: null, trades: null, source: '', coverage: { state: 'unknown', gaps: [gap] } });
}

const state = (of: CoverageState): Partial<Candle> => ({ coverage: { state: of } });
const closes = (bars: Bars): (number | null)[] => bars.list.map(({ close }) => close);

describe('the row of bars', () => {
  it('stands over candles that it told as closed, and heals in place', () => {
    const bars = new Bars();
    bars.reset([candle(3, 7, state('incomplete')), candle(4, 4)]);
    bars.resetRow([bar(1, 11), unknown(2), bar(3, 3)]);
    expect(closes(bars)).toEqual([11, null, 3, 4]);
    bars.apply([candle(3, 7)]);
    expect(bars.at(3)?.close).toBe(3);
    const { epoch } = bars;
    bars.tell([bar(2, 2, { revision: 1 })]);
    expect(closes(bars)).toEqual([11, 2, 3, 4]);
    expect(bars.epoch).toBe(epoch + 1);
  });

  it('draws nothing anew for a bar that looks the same', () => {
    const bars = new Bars();
    bars.reset([candle(1), candle(2)]);
    const { epoch, version } = bars;
    bars.tell([bar(1, 1, { source: 'live' })]);
    expect(bars.at(1)?.kind).toBe('traded');
    expect([bars.epoch, bars.version]).toEqual([epoch, version + 1]);
    bars.tell([bar(1, 1, { source: 'live', ...state('healed') })]);
    expect(bars.epoch).toBe(epoch + 1);
  });

  it('leaves the open bar to the candle that saw it from its opening, and keeps the one that it merged itself', () => {
    const seen = new Bars();
    seen.reset([candle(5, 5, { closed: false })]);
    seen.resetRow([bar(4, 4), bar(5, 3, { closed: false })]);
    expect(closes(seen)).toEqual([4, 5]);
    const joined = new Bars();
    joined.reset([candle(5, 5, { closed: false, ...state('incomplete') })]);
    joined.resetRow([bar(4, 4), bar(5, 8, { closed: false })]);
    joined.apply([candle(5, 6, { closed: false, ...state('incomplete') })]);
    expect(closes(joined)).toEqual([4, 8]);
    joined.apply([candle(6, 1, { closed: false })]);
    expect(closes(joined)).toEqual([4, 8, 1]);
  });

  it('stays over a new snapshot of candles, and over an empty one of its own', () => {
    const bars = new Bars();
    bars.resetRow([bar(1, 11), bar(2, 12)]);
    bars.reset([candle(9)]);
    bars.resetRow([]);
    expect(closes(bars)).toEqual([11, 12, 1]);
    bars.reset([]);
    expect(closes(bars)).toEqual([11, 12, 1]);
  });

  it('goes when the candles begin earlier than what is shown, as those of a tape that starts over', () => {
    const bars = new Bars();
    bars.resetRow([bar(8), bar(9)]);
    bars.reset([candle(2, 5)]);
    expect(closes(bars)).toEqual([5]);
    bars.apply([candle(8, 6)]);
    expect(closes(bars)).toEqual([5, 6]);
  });

  it('keeps older pages that it joins', () => {
    const bars = new Bars();
    bars.resetRow([bar(4, 4), bar(5, 5)]);
    expect(bars.merge([unknown(1), bar(2, 2), bar(3, 3), bar(4, 44)])).toBe(2);
    bars.resetRow([bar(5, 5), bar(6, 6)]);
    expect(closes(bars)).toEqual([null, 2, 3, 4, 5, 6]);
    bars.resetRow([bar(90)]);
    expect(closes(bars)).toEqual([1]);
  });
});

describe('a page of history', () => {
  it('gives unknown bars what it knows of them, and what another venue lends is weaker than all else', () => {
    const bars = new Bars();
    bars.resetRow([unknown(1), unknown(2), bar(3, 3, state('incomplete'))]);
    const lent = { source: 'kraken', ...state('unverified') };
    expect(bars.merge([bar(1, 21, lent), bar(2, 22, lent), bar(3, 3)])).toBe(2);
    expect(closes(bars)).toEqual([21, 22, 3]);
    bars.merge([bar(1, 31, lent), bar(2, 2)]);
    expect(closes(bars)).toEqual([21, 2, 3]);
  });

  it('of unknown bars alone has nothing to go on from', () => {
    const bars = new Bars();
    bars.reset([candle(5)]);
    expect(bars.merge([unknown(3), unknown(4)])).toBe(0);
    expect(bars.list).toHaveLength(3);
  });
});

describe('what is said of a bar', () => {
  it('tells an unknown one from a quiet one, also of a candle', () => {
    const empty = candle(1, 1, { trades: 0 });
    expect([isUnknown(empty), isQuiet(empty)]).toEqual([false, true]);
    const missed = { ...empty, ...state('incomplete') };
    expect([isUnknown(missed), isQuiet(missed)]).toEqual([true, false]);
    expect([isUnknown(unknown(1)), isQuiet(bar(1, 1, { kind: 'quiet' }))]).toEqual([true, true]);
  });

  it('names who told it, and that a market is simulated', () => {
    expect(sourceOfBar(candle(1), 'binance').words).toBe('live');
    expect(sourceOfBar(bar(1), 'binance').words).toBe('from Binance');
    expect(sourceOfBar(bar(1, 1, { source: 'kraken' }), 'binance').words).toBe('lent by Kraken');
    expect(sourceOfBar(bar(1, 1, { coverage: { state: 'complete', provenance: 'synthetic' } }), 'binance').words).toBe('from Binance, simulated');
    expect(sourceOfBar(bar(1, 1, { source: 'binance+live' }), 'binance').words).toBe('from Binance and live');
    expect(sourceOfBar(unknown(1), 'binance').words).toBe('');
    expect([lender(bar(1), 'binance'), lender(bar(1), 'kraken')]).toEqual(['', 'binance']);
  });

  it('counts revisions and says why nothing is known', () => {
    expect(remarksOn(bar(1))).toBe('');
    expect(remarksOn(bar(1, 1, { revision: 2 }))).toBe('revised 2×');
    expect(remarksOn(bar(1, 1, { kind: 'quiet', revision: 1 }))).toBe('quiet: no trade, revised 1×');
    expect(whyUnknown(unknown(1, 'too_old'))).toBe('the venue keeps only its newest bars');
    expect(whyUnknown({ ...unknown(1), coverage: { state: 'unknown' } })).toBe('nobody has told what happened in it');
  });
});
