import { describe, expect, it } from 'vitest';
import { aloud, countWords, fits, LinkWatch, LOST_AFTER_MS, readMarks, seenAll, sourceOf, unseen } from '../src/lib/notes';
import type { DeskEvent, Health } from '../src/lib/protocol';

const BTC = 'BTC-USDT@binance';

function event(ts: number, level: DeskEvent['level'] = 'warning', change: Partial<DeskEvent> = {}): DeskEvent {
  return { ts, level, code: 'trade_gap', subject: BTC, message: 'missing: 3 trades, ids 17 to 19', ...change };
}

describe('the bell', () => {
  const events = [event(1), event(2, 'info'), event(3, 'error'), event(5)];

  it('counts warnings and errors that came after what was seen', () => {
    expect(unseen(events, {}, 'live').map(({ ts }) => ts)).toEqual([1, 3, 5]);
    expect(unseen(events, { live: 3 }, 'live').map(({ ts }) => ts)).toEqual([5]);
    const seen = seenAll(events, {}, 'live');
    expect(unseen(events, seen, 'live')).toEqual([]);
    expect(unseen([...events, event(6)], seen, 'live').map(({ ts }) => ts)).toEqual([6]);
  });

  it('keeps a mark for each source, since a tape has a time of its own', () => {
    const seen = seenAll([event(1000)], {}, 'live');
    expect(unseen([event(7)], seen, 'tape:old')).toHaveLength(1);
    const both = seenAll([event(7)], seen, 'tape:old');
    expect(both).toEqual({ live: 1000, 'tape:old': 7 });
  });

  it('never takes a mark back, changes nothing for nothing and forgets the oldest source', () => {
    const marks = { live: 9 };
    expect(seenAll(events, marks, 'live')).toBe(marks);
    expect(seenAll([], marks, 'live')).toBe(marks);
    expect(seenAll(events, marks, '')).toBe(marks);
    let many = {};
    for (let i = 0; i < 100; i += 1) many = seenAll([event(i)], many, `tape:${i}`);
    expect(Object.keys(many)).toHaveLength(20);
    expect(many).toHaveProperty('tape:99');
    expect(many).not.toHaveProperty('tape:0');
  });

  it('reads what storage holds only as far as it is whole', () => {
    expect(readMarks('{"live": 5, "x": "y", "z": null}')).toEqual({ live: 5 });
    for (const damage of [null, '', '[', '7', 'null', '"a"']) expect(readMarks(damage)).toEqual({});
  });

  it('knows its source by name', () => {
    const tape = { name: 'a', speed: 1, position: null, start: null, end: null, ended: false, loops: 0, damage: null };
    const health = { source: 'tape', tape } as unknown as Health;
    expect(sourceOf(health)).toBe('tape:a');
    expect(sourceOf({ ...health, source: 'twin', tape: null })).toBe('twin');
    expect(sourceOf(null)).toBe('');
  });

  it('never grows wider than its place', () => {
    expect([0, 7, 99, 100, 12_345].map(countWords)).toEqual(['0', '7', '99', '99+', '99+']);
  });
});

describe('what is said aloud', () => {
  it('is of the selected instrument, and of venues', () => {
    expect(aloud(event(1), BTC)).toMatchObject({ key: `gap:${BTC}`, tone: 'warn', hint: 'Missing: 3 trades, ids 17 to 19.' });
    expect(aloud(event(1), 'ETH-USDT@binance')).toBeNull();
    expect(aloud(event(1, 'info', { code: 'trade_gap_healed' }), BTC)).toMatchObject({ key: `gap:${BTC}`, tone: 'good' });
    const lost = event(1, 'warning', { code: 'connection_lost', subject: 'binance', message: 'the other end closed; next attempt in 0.5 s' });
    expect(aloud(lost, null)).toMatchObject({ key: 'venue:binance', text: 'Connection to Binance lost.', hint: 'The other end closed. Trying again.' });
    expect(aloud({ ...lost, code: 'connection_restored' }, null)).toMatchObject({ key: 'venue:binance', tone: 'good' });
    expect(aloud(event(1, 'error', { code: 'wire_error' }), BTC)).toBeNull();
  });
});

describe('what is said aloud by code', () => {
  const said = (code: string, subject: string, message = '', selected: string | null = BTC): string | undefined => {
    const toast = aloud(event(1, 'warning', { code, subject, message }), selected);
    return toast ? [toast.key, toast.tone, toast.text, toast.hint ?? ''].join('|') : undefined;
  };

  it.each([
    ['trade_gap_closed', BTC, 'came by themselves, late: ids 7 to 9; nothing was lost', `gap:${BTC}|good|BTC-USDT: the missing trades only came late.|Nothing was lost.`],
    ['trade_gap_marked', BTC, 'not healed: 3 trades, ids 7 to 9 (not_in_history)', `gap:${BTC}|warn|BTC-USDT: trades stay missing.|Not healed: 3 trades, ids 7 to 9: the venue’s history does not have them.`],
    ['venue_clock_ahead', 'binance', 'its times run 61.0 s ahead of its clock: their time is a gap', 'clock:binance|warn|The times of Binance cannot be right.|Its times run 61.0 s ahead of its clock: their time is a gap.'],
    ['venue_clock_agrees', 'binance', 'its times agree', 'clock:binance|good|The times of Binance are right again.|What came meanwhile stays marked.'],
    ['venue_clock_set', 'binance', 'its clock stands +3600.0 s', 'clock:binance|warn|The clock of Binance, or of this machine, was set.|The time that nobody saw is a gap.'],
    ['clock_set_back', 'desk', 'the clock of this machine was set back by 5.0 s', 'clock:desk|warn|The clock of the machine that the desk runs on was set back.|The clock of this machine was set back by 5.0 s.'],
    ['subscription_accepted', BTC, 'what was refused is served now: btcusdt@trade', `listing:${BTC}|good|BTC-USDT: the venue serves it after all.|`],
    ['instrument_unlisted', BTC, 'binance does not list BTC-USDT any more', `listing:${BTC}|warn|BTC-USDT is not listed any more.|Binance does not list BTC-USDT any more.`],
    ['instrument_listed', BTC, 'binance lists BTC-USDT and trades it', `listing:${BTC}|good|BTC-USDT is listed and traded again.|`],
    ['not_trading', BTC, 'binance lists BTC-USDT but does not trade it now', `listing:${BTC}|warn|BTC-USDT is listed, but not traded now.|`],
    ['venue_not_trading', 'binance', 'it says that it does not trade: cancel only', 'venue:binance|warn|Binance takes no orders as usual.|It says that it does not trade: cancel only.'],
  ])('tells %s', (code, subject, message, words) => {
    expect(said(code, subject, message)).toBe(words);
  });

  it('keeps what concerns neither the selected instrument nor its venue for the log', () => {
    for (const code of ['trade_gap_closed', 'instrument_unlisted', 'not_trading', 'subscription_accepted']) {
      expect(said(code, 'ETH-USDT@binance')).toBeUndefined();
      expect(said(code, BTC, '', null)).toBeUndefined();
    }
    expect(said('venue_clock_ahead', 'kraken')).toBeUndefined();
    expect(said('venue_clock_set', 'binance', '', null)).toBeUndefined();
    expect(said('clock_set_back', 'desk', '', null)).toBeDefined();
    for (const code of ['toString', 'data_late', 'symbol_followed']) expect(said(code, BTC)).toBeUndefined();
  });

  it('lets each end take the place of its beginning', () => {
    const key = (code: string, subject: string): string | undefined => said(code, subject)?.split('|')[0];
    for (const [begun, over, subject] of [
      ['trade_gap', 'trade_gap_closed', BTC],
      ['venue_clock_ahead', 'venue_clock_agrees', 'binance'],
      ['subscription_rejected', 'subscription_accepted', BTC],
      ['instrument_unlisted', 'instrument_listed', BTC],
      ['venue_not_trading', 'venue_trading', 'binance'],
    ] as const)
      expect(key(begun, subject)).toBe(key(over, subject));
  });
});

describe('the watch over the desk', () => {
  it('says nothing of a start, of a hiccup, or twice', () => {
    const watch = new LinkWatch();
    for (let now = 0; now < 60_000; now += 500) expect(watch.look(false, now)).toBeNull(); // never heard so far
    expect(watch.look(true, 60_000)).toBeNull();
    expect(watch.look(false, 60_500)).toBeNull();
    expect(watch.look(true, 61_000)).toBeNull();
    expect(watch.look(false, 70_000)).toBeNull();
    const said = [];
    for (let now = 70_500; now < 82_000; now += 500) said.push(watch.look(false, now));
    expect(said.filter(Boolean)).toMatchObject([{ key: 'link', tone: 'error', lifeMs: null }]);
    expect(said.findIndex(Boolean)).toBe(LOST_AFTER_MS / 500 - 1);
    expect(watch.look(true, 82_000)).toMatchObject({ key: 'link', tone: 'good', text: 'The desk is heard again, after 12 s.' });
    expect(watch.look(true, 82_500)).toBeNull();
  });
});

describe('the log’s filters', () => {
  it('ask for the level at least, and for every word', () => {
    const levels = (['info', 'warning', 'error'] as const).map((level) => event(1, level));
    expect(levels.map((one) => fits(one, 'all', ''))).toEqual([true, true, true]);
    expect(levels.map((one) => fits(one, 'warning', ''))).toEqual([false, true, true]);
    expect(levels.map((one) => fits(one, 'error', ''))).toEqual([false, false, true]);
    expect(fits(event(1), 'all', ' GAP  btc ')).toBe(true);
    expect(fits(event(1), 'all', 'gap eth')).toBe(false);
  });
});
