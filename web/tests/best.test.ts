import { describe, expect, it } from 'vitest';
import { bestAt, endWords, lotsOf, marksOf, mergedLadder, outWords, sharedPair, shareWords, standing, unverifiedWords } from '../src/lib/best';
import type { BestBook, InstrumentFacts, VenueRow } from '../src/lib/protocol';

function facts(...names: string[]): Record<string, InstrumentFacts> {
  return Object.fromEntries(
    names.map((name) => {
      const [symbol = '', venue = ''] = name.split('@');
      const [base = '', quote = ''] = symbol === 'BTC-PERPETUAL' ? ['BTC', 'USD'] : symbol.split('-');
      return [name, { instrument: name, venue, symbol, base, quote } as InstrumentFacts];
    }),
  );
}

function venue(name: string, change: Partial<VenueRow> = {}): VenueRow {
  return { instrument: `BTC-USD@${name}`, venue: name, symbol: 'BTC-USD', bid: 99, bid_quantity: 1, ask: 101, ask_quantity: 1, ts_event: null, ts_recv: null, age_ms: 1, out: null, why: '', coverage: { state: 'complete' }, ...change };
}

function book(change: Partial<BestBook> = {}): BestBook {
  return {
    symbol: 'BTC-USD', base: 'BTC', quote: 'USD', certified_depth: 2, bids_end_at: null, asks_end_at: null, crossed_by: null, ts_recv: null, age_ms: 1, coverage: {},
    bids: [[99, 1.5, { kraken: 0.5, coinbase: 1 }], [98, 2, { kraken: 2 }]],
    asks: [[101, 0.25, { kraken: 0.25 }]],
    venues: [venue('coinbase'), venue('kraken')],
    ...change,
  };
}

describe('which instruments stand in one book', () => {
  const desk = facts('BTC-USDT@binance', 'BTC-USD@coinbase', 'BTC-USD@kraken', 'BTC-PERPETUAL@deribit', 'ETH-USD@kraken');

  it('are spot pairs of one base and quote at two venues', () => {
    expect(sharedPair('BTC-USD@coinbase', desk)).toBe('BTC-USD');
    expect(sharedPair('BTC-USD@kraken', desk)).toBe('BTC-USD');
  });

  it.each(['BTC-USDT@binance', 'BTC-PERPETUAL@deribit', 'ETH-USD@kraken', 'BTC-USD@elsewhere', null])('not %s', (name) => {
    expect(sharedPair(name, desk)).toBeNull();
  });
});

describe('the marks of venues', () => {
  it('are letters, more of them where two would be one, and never the same', () => {
    expect(marksOf(['coinbase', 'kraken', 'coinbase_advanced'])).toEqual({ coinbase: 'C', kraken: 'K', coinbase_advanced: 'CA' });
    const crowd = ['kraken', 'kucoin', 'kurrency', 'kur'];
    expect(new Set(Object.values(marksOf(crowd))).size).toBe(crowd.length);
  });
});

describe('a merged ladder', () => {
  it('has sums, one scale of depth and who stands at each level, the larger first', () => {
    const { bids, asks, spread, spreadBps } = mergedLadder(book());
    expect(bids.map((row) => [row.price, row.quantity, row.sum])).toEqual([[99, 1.5, 1.5], [98, 2, 3.5]]);
    expect(bids[1]?.depth).toBe(1);
    expect(asks[0]?.depth).toBeCloseTo(0.25 / 3.5, 12);
    expect(bids[0]?.shares).toEqual([['coinbase', 1], ['kraken', 0.5]]);
    expect(shareWords(bids[0]!)).toBe('Coinbase 1, Kraken 0.5');
    expect(bestAt(bids)).toBe('Coinbase, Kraken');
    expect(bestAt([])).toBe('');
    expect(spread).toBe(2);
    expect(spreadBps).toBeCloseTo(200, 9);
  });

  it('rounds sums of sizes to five decimals at most', () => {
    expect(lotsOf([8, 2])).toBe(5);
    expect(lotsOf([3])).toBe(3);
    expect(lotsOf([])).toBe(0);
  });
});

describe('what is said of the venues', () => {
  it('names who is out, and why, once', () => {
    expect(outWords(venue('kraken'))).toBe('');
    expect(outWords(venue('kraken', { out: 'stale', why: 'silent for 9 s' }))).toBe('stale: silent for 9 s');
    expect(outWords(venue('kraken', { out: 'stale', why: 'reconnecting: 127.0.0.1:9 ended the connection' }))).toBe('stale: no connection');
    expect(outWords(venue('kraken', { out: 'untrusted', why: '' }))).toBe('untrusted');
  });

  it('says a crossed book plainly, else who is in', () => {
    expect(standing(book({ crossed_by: ['BTC-USD@kraken', 'BTC-USD@coinbase'] }))).toBe('Kraken bids more than Coinbase asks.');
    expect(standing(book({ venues: [venue('coinbase'), venue('kraken', { out: 'far' })] }))).toBe('1 of 2 venues are in.');
  });

  it('blames those without sequence numbers for what is unverified, and no other', () => {
    const bare = { coverage: { state: 'unverified' as const } };
    expect(unverifiedWords(book({ venues: [venue('coinbase', bare), venue('kraken')] }))).toBe('Coinbase gives no sequence numbers here');
    expect(unverifiedWords(book({ venues: [venue('a', bare), venue('b', bare), venue('c', { ...bare, out: 'stale' })] }))).toBe('A, B give no sequence numbers here');
  });

  it('says where the book ends for want of knowledge', () => {
    expect(endWords(book({ asks_end_at: 'BTC-USD@kraken' }))).toEqual(['Asks end where Kraken is known no deeper.']);
    expect(endWords(book())).toEqual([]);
  });
});
