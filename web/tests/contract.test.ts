import { describe, expect, it } from 'vitest';
import { cellsOf, contractWords, kindByName, nothingYet, oddPriceUnit, sizeWords } from '../src/lib/contract';
import { Inbox } from '../src/lib/feed/inbox';
import type { Contract, InstrumentFacts, ValuationRow } from '../src/lib/protocol';

const NOTHING: ValuationRow = {
  instrument: 'BTC-PERPETUAL@deribit', venue: 'deribit', symbol: 'BTC-PERPETUAL', kind: 'perpetual', price_unit: 'USD', quantity_unit: 'USD',
  mark_price: null, index_price: null, underlying_price: null, underlying: null, mark_iv: null, bid_iv: null, ask_iv: null, greeks: null,
  open_interest: null, funding: null, funding_8h: null, ts_event: null, ts_recv: null, age_ms: null, stale: false, stale_after_ms: 5000, coverage: {},
};
const PERPETUAL: ValuationRow = { ...NOTHING, mark_price: 61254.2, index_price: 61254.35, open_interest: 402_955_400, funding: -2.78e-6, funding_8h: 0 };
const OPTION: ValuationRow = {
  ...NOTHING, kind: 'option', price_unit: 'BTC', quantity_unit: 'BTC', mark_price: 0.1296, index_price: 83250.78, underlying_price: 84222.23, underlying: 'BTC-25DEC26',
  mark_iv: 0.3825, bid_iv: null, ask_iv: 0.4038, greeks: { delta: 0.74092, gamma: 2e-5, vega: 132.3649, theta: -29.43212, rho: 121.30652 }, open_interest: 480.6,
};

const shown = (row: ValuationRow, decimals: number): Record<string, string> => Object.fromEntries(cellsOf(row, decimals, 'USD').map((cell) => [cell.id, cell.text]));

describe('what a contract is worth', () => {
  it('is of a perpetual its funding, and its open interest in its own unit', () => {
    expect(shown(PERPETUAL, 1)).toEqual({
      mark: '61,254.20', index: '61,254.35', funding: '−0.0003 %', 'funding-8h': '0.0000 %', 'open-interest': '402.96 M USD',
    });
    const funding = cellsOf(PERPETUAL, 1, 'USD').find((cell) => cell.id === 'funding');
    expect(funding?.about).toContain('−0.000278 %');
    expect(cellsOf(PERPETUAL, 1, 'USD').find((cell) => cell.id === 'open-interest')?.about).toContain('402,955,400 USD');
  });

  it('is of an option its volatilities and Greeks, in coins, and no funding', () => {
    expect(shown(OPTION, 4)).toEqual({
      mark: '0.1296 BTC', index: '83,250.78', underlying: '84,222.23', 'open-interest': '480.6 BTC', iv: '38.25 %', 'bid-iv': '—', 'ask-iv': '40.38 %',
      delta: '0.741', gamma: '0.00002', vega: '132.36', theta: '−29.43', rho: '121.31',
    });
    expect([oddPriceUnit(OPTION, 'USD'), oddPriceUnit(PERPETUAL, 'USD'), oddPriceUnit(null, 'USD')]).toEqual(['BTC', null, null]);
  });

  it('is a dash where the venue owes it, and never nought', () => {
    for (const kind of ['perpetual', 'future', 'option'] as const) {
      for (const cell of cellsOf({ ...NOTHING, kind }, 1, 'USD')) expect(cell).toMatchObject({ text: '—', value: null });
    }
    expect(Object.keys(shown({ ...NOTHING, kind: 'future' }, 1))).toEqual(['mark', 'index', 'open-interest']);
  });

  it.each([PERPETUAL, OPTION])('keeps its place before it has come: $kind', (row) => {
    expect(Object.keys(shown(nothingYet(row.instrument, row.kind), 1))).toEqual(Object.keys(shown(row, 1)));
  });

  it('comes whole with a snapshot and then by its changes, the last of each', () => {
    const inbox = new Inbox();
    const topic = 'valuations:BTC-PERPETUAL@deribit';
    inbox.offer(topic, { topic, type: 'snapshot', seq: 1, data: { valuations: [NOTHING] } }, 1);
    inbox.offer(topic, { topic, type: 'delta', seq: 2, data: { valuations: [PERPETUAL] } }, 2);
    expect(inbox.take().valuations.get(PERPETUAL.instrument)).toEqual({ value: PERPETUAL, at: 2 });
    inbox.offer('indices', { topic: 'indices', type: 'snapshot', seq: 1, data: { indices: [{ instrument: 'BTC-DVOL@deribit', unit: '%', value: 43.2 }] } }, 3);
    expect(inbox.take().indices.get('BTC-DVOL@deribit')).toMatchObject({ value: { unit: '%' }, at: 3 });
  });
});

it('says what a contract is', () => {
  const contract: Contract = { kind: 'perpetual', settlement: 'BTC', inverse: true, size: 10, expiry: null, strike: null, option: null };
  expect(contractWords(contract)).toBe('inverse perpetual, settled in BTC, one contract is 10');
  const option: Contract = { ...contract, kind: 'option', inverse: false, size: 0.1, expiry: 1_798_185_600_000_000, strike: 76_000, option: 'call' };
  expect(contractWords(option)).toBe('call, strike 76,000, expires 2026-12-25 08:00:00 UTC, settled in BTC, one contract is 0.1');
});

it('says what sizes are counted in, and that it is no coin where it is none', () => {
  const facts = { base: 'BTC', quote: 'USD', quantity_unit: 'BTC' } as InstrumentFacts;
  expect(sizeWords(facts)).toBe('Sizes and their sums are in BTC.');
  expect(sizeWords({ ...facts, quantity_unit: 'USD' })).toBe('Sizes and their sums are in USD, not in BTC.');
  expect(sizeWords({ ...facts, quantity_unit: null })).toBe('');
  expect(sizeWords(undefined)).toBe('');
});

it.each([
  ['BTC-USD-INDEX@deribit', 'index'],
  ['BTC-DVOL@deribit', 'index'],
  ['BTC-PERPETUAL@deribit', 'perpetual'],
  ['BTC-USDT@binance', 'spot'],
  ['INDEX-USDT@binance', 'spot'],
] as const)('takes %s for %s until the desk has spoken', (name, kind) => expect(kindByName(name)).toBe(kind));
