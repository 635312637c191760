import { describe, expect, it } from 'vitest';
import { atPreferred, elsewhere, preferredFirst, resolveBare, samePair } from '../src/lib/pairs';
import type { Listed } from '../src/lib/protocol';

const FOLLOWED = ['BTC-USD@coinbase', 'BTC-USD@kraken', 'BTC-USDT@binance', 'BTC-PERPETUAL@deribit'];

function listed(instrument: string, rest: Partial<Listed> = {}): Listed {
  const [symbol = '', venue = ''] = instrument.split('@');
  return { instrument, symbol, venue, base: 'BTC', quote: 'USD', venue_symbol: symbol, tradable: true, followed: false, ...rest };
}

describe('a name without a venue', () => {
  it.each([
    ['BTC-USD', 'kraken', 'BTC-USD@kraken'],
    ['btc/usd', 'kraken', 'BTC-USD@kraken'],
    ['BTCUSD', null, 'BTC-USD@coinbase'],
    ['BTC-USD', 'bitstamp', 'BTC-USD@coinbase'],
    ['BTC-USDT', 'kraken', 'BTC-USDT@binance'],
    ['ETH-USD', 'kraken', null],
    ['', 'kraken', null],
  ])('%j, %j preferred, means %j', (name, venue, meant) => {
    expect(resolveBare(name, FOLLOWED, venue)).toBe(meant);
  });

  it('with one means itself or nothing, whatever is preferred', () => {
    expect(resolveBare('BTC-USD@coinbase', FOLLOWED, 'kraken')).toBe('BTC-USD@coinbase');
    expect(resolveBare('BTC-USD@bitstamp', FOLLOWED, 'kraken')).toBeNull();
  });

  it('is asked for at the preferred venue', () => {
    expect(atPreferred('SOL-USD', 'kraken')).toBe('SOL-USD@kraken');
    expect(atPreferred('SOL-USD', null)).toBe('SOL-USD');
    expect(atPreferred('SOL-USD@coinbase', 'kraken')).toBe('SOL-USD@coinbase');
  });
});

it('knows the same pair at other venues, and never another currency', () => {
  expect(samePair('BTC-USD@kraken', FOLLOWED)).toEqual(['BTC-USD@coinbase', 'BTC-USD@kraken']);
  const found = [listed('BTC-USD@kraken'), listed('BTC-USD@binance_us'), listed('BTC-USDC@coinbase'), listed('BTC-USD@gemini', { tradable: false })];
  expect(elsewhere('BTC-USD@kraken', found, FOLLOWED)).toEqual(['BTC-USD@binance_us']);
});

it('puts the preferred venue first among those that have exactly what was typed', () => {
  const found = [listed('BTC-USD@coinbase'), listed('BTC-USD@kraken'), listed('BTC-USDT@kraken')];
  const names = (text: string, venue: string | null): string[] => preferredFirst(found, text, venue).map((each) => each.instrument);
  expect(names('btcusd', 'kraken')).toEqual(['BTC-USD@kraken', 'BTC-USD@coinbase', 'BTC-USDT@kraken']);
  for (const [text, venue] of [['btc', 'kraken'], ['btcusd', null], ['BTC-USD@coinbase', 'kraken'], ['', 'kraken']] as const) {
    expect(names(text, venue)).toEqual(found.map((each) => each.instrument));
  }
});
