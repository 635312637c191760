import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Listed, SymbolList } from '../src/lib/protocol';
import { find, joined, Latest, marked, nameToFollow, NEAREST_TRIES, stepped } from '../src/lib/search';

function listed(symbol: string): Listed {
  const [base = '', quote = ''] = symbol.split('-');
  return { instrument: `${symbol}@binance`, venue: 'binance', symbol, base, quote, venue_symbol: base + quote, tradable: true, followed: false };
}

const CATALOGUE = ['BTC-USDT', 'ETH-USDT', 'ETH-BTC', 'POL-USDT', 'FOOT-USDT', '1000SATS-USDT'].map(listed);

/** As the desk searches: what holds the text. */
function desk(asked: string[], names = CATALOGUE) {
  return (text: string, limit: number): Promise<SymbolList> => {
    asked.push(text);
    const fitting = names.filter((one) => joined(one.symbol).includes(joined(text)));
    return Promise.resolve({ symbols: fitting.slice(0, limit), total: fitting.length, listed: names.length });
  };
}

const never = new AbortController().signal;

describe('the latest question', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('is the only one that counts, whatever comes when', async () => {
    // Every order in which three answers can come.
    const orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for (const order of orders) {
      const open: { text: string; signal: AbortSignal; answer: (text: string) => void }[] = [];
      const settled: unknown[] = [];
      const latest = new Latest<string>((text, signal) => new Promise((answer) => open.push({ text, signal, answer })), (outcome) => settled.push(outcome));
      for (const text of ['b', 'bt', 'btc']) {
        latest.ask(text, 10);
        await vi.advanceTimersByTimeAsync(11);
      }
      expect(open.map((one) => one.signal.aborted)).toEqual([true, true, false]);
      for (const i of order) open[i]?.answer(open[i].text);
      await vi.advanceTimersByTimeAsync(1);
      expect(settled).toEqual([{ answer: 'btc' }]);
    }
  });

  it('is asked when the typing rests, and not at all when it is forgotten', async () => {
    const asked: string[] = [];
    const latest = new Latest<string>((text) => (asked.push(text), Promise.resolve(text)), () => undefined);
    for (const text of ['s', 'so', 'sol']) {
      latest.ask(text, 100);
      await vi.advanceTimersByTimeAsync(60);
    }
    await vi.advanceTimersByTimeAsync(100);
    expect(asked).toEqual(['sol']);
    latest.ask('x', 100);
    latest.forget();
    await vi.advanceTimersByTimeAsync(500);
    expect(asked).toEqual(['sol']);
  });

  it('tells what went wrong with it', async () => {
    const settled: unknown[] = [];
    const failure = new Error('gone');
    const latest = new Latest<string>(() => Promise.reject(failure), (outcome) => settled.push(outcome));
    latest.ask('b', 0);
    await vi.advanceTimersByTimeAsync(1);
    expect(settled).toEqual([{ error: failure }]);
  });
});

describe('finding', () => {
  it('asks once where something fits', async () => {
    const asked: string[] = [];
    const found = await find(desk(asked), 'eth', never);
    expect(found.list.map((one) => one.symbol)).toEqual(['ETH-USDT', 'ETH-BTC']);
    expect(found.nearest).toBe(false);
    expect(asked).toEqual(['eth']);
  });

  it('names what is nearest by cutting the end off, and says that it is only near', async () => {
    const asked: string[] = [];
    const found = await find(desk(asked), 'foo-usdx', never);
    expect(found).toMatchObject({ nearest: true, text: 'foo-usdx', listed: CATALOGUE.length });
    expect(found.list.map((one) => one.symbol)).toEqual(['FOOT-USDT']);
    expect(asked.at(-1)).toBe('FOO');
  });

  it('gives up after a few tries, and asks no more where no catalogue is', async () => {
    const asked: string[] = [];
    const found = await find(desk(asked), 'QQQQQQQQQQQQQQQQ', never);
    expect(found.list).toEqual([]);
    expect(asked.length).toBe(1 + NEAREST_TRIES);
    asked.length = 0;
    expect((await find(desk(asked, []), 'BTC', never)).listed).toBe(0);
    expect(asked).toEqual(['BTC']);
  });
});

describe('what was typed', () => {
  it('is marked wherever it stands, whatever its case and separators', () => {
    for (const text of ['th-us', 'TH/US', 'thus']) expect(marked('ETH-USDT', text)).toEqual(['E', 'TH-US', 'DT']);
    expect(marked('1000SATS-USDT', 'sats')).toEqual(['1000', 'SATS', '-USDT']);
    expect(marked('ETH-USDT', '')).toEqual(['ETH-USDT', '', '']);
    expect(marked('POL-USDT', 'matic')).toBeNull();
    expect(marked('ETH-USDT', 'ETHUSDT@binance')).toEqual(['', 'ETH-USDT', '']);
  });

  it('joins to the symbol again for every part of it', () => {
    for (const one of CATALOGUE) {
      const whole = joined(one.symbol);
      for (let from = 0; from < whole.length; from += 1) {
        for (let to = from + 1; to <= whole.length; to += 1) {
          const parts = marked(one.symbol, whole.slice(from, to));
          expect(parts?.join('')).toBe(one.symbol);
          expect(joined(parts?.[1] ?? '')).toBe(whole.slice(from, to));
        }
      }
    }
  });

  it('goes to the desk only as a whole old name, so that it is told of the renaming', () => {
    const pol = listed('POL-USDT');
    expect(nameToFollow(pol, 'matic/usdt', false)).toBe('MATICUSDT@binance');
    expect(nameToFollow(pol, 'matic', false)).toBe('POL-USDT@binance');
    expect(nameToFollow(pol, 'polusdt', false)).toBe('POL-USDT@binance');
    expect(nameToFollow(pol, 'POXUSDT', true)).toBe('POL-USDT@binance');
    expect(nameToFollow(pol, 'usdt', false)).toBe('POL-USDT@binance');
  });
});

describe('the choice', () => {
  it('goes round by arrows and stops at the ends by pages', () => {
    expect(stepped(-1, 3, 'ArrowDown')).toBe(0);
    expect(stepped(2, 3, 'ArrowDown')).toBe(0);
    expect(stepped(0, 3, 'ArrowUp')).toBe(2);
    expect(stepped(-1, 3, 'ArrowUp')).toBe(2);
    expect(stepped(1, 20, 'PageDown')).toBe(9);
    expect(stepped(15, 20, 'PageDown')).toBe(19);
    expect(stepped(3, 20, 'PageUp')).toBe(0);
    expect(stepped(0, 0, 'ArrowDown')).toBeNull();
    expect(stepped(0, 3, 'a')).toBeNull();
  });
});
