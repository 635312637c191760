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
