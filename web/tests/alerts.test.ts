import { describe, expect, it } from 'vitest';
import { advised, againSide, conditionOf, firstRule, KINDS, kindOf, leavesOf, linesOf, moved, ofKind, reachOf, stepOf, withLeaf, withOneMore, withoutLeaf } from '../src/lib/alerts/form';
import { plotOf } from '../src/lib/alerts/plot';
import type { Leaf, Notification, Rehearsal, Rule } from '../src/lib/alerts/protocol';
import { AlertTelling, STORM, STORM_KEY } from '../src/lib/alerts/telling';
import { deliveryWords, doubtLook, doubts, lengthText, readLength, reachWords, readNumber, refusedPart, rehearsalWords, shortSentence, standingOf, withoutTime } from '../src/lib/alerts/words';

const BTC = 'BTC-USDT@binance';
const crossing = (level: number, rearm: number | null = null): Rule => ({ condition: { type: 'price_crosses', instrument: BTC, way: 'up', level, rearm }, repeat: 'every' });
const leaf = (rule: Rule, place = 0): Leaf => leavesOf(rule.condition)[place] as Leaf;

describe('words', () => {
  it('reads lengths as it writes them', () => {
    for (const text of ['30s', '10m', '4h', '2d', '1w', '250ms']) expect(lengthText(readLength(text) ?? -1)).toBe(text);
    expect(readLength('90s')).toBe(90e9);
    expect(readLength('')).toBe(0);
    for (const text of ['ten', '10', '5 parsecs', '-3m']) expect(readLength(text)).toBeNull();
  });

  it('reads numbers as people write them', () => {
    expect(readNumber('65,000')).toBe(65_000);
    expect(readNumber('65\u202f000.5')).toBe(65_000.5);
    expect(readNumber('65k')).toBe(65_000);
    expect(readNumber('1,234,567.5')).toBe(1_234_567.5);
    // A comma is none of a decimal: what is meant is not guessed.
    for (const text of ['', 'x', '6 5 x', 'NaN', 'Infinity', '2713,50', '2.713,50', '1,2,3', '65,00', '1,0000']) expect(readNumber(text)).toBeNull();
  });

  it('names the part that the desk refused', () => {
    expect(refusedPart('again: expected a level at or below 65000 for a rule above it, found 66000')).toEqual({ part: 'rearm', place: null, words: 'expected a level at or below 65000 for a rule above it, found 66000' });
    expect(refusedPart('condition.parts[1].level: expected float, found str')).toMatchObject({ part: 'level', place: 1 });
    expect(refusedPart('rule 1 of 2: cooldown: expected none for a rule that fires once, found one')).toMatchObject({ part: 'cooldown' });
    expect(refusedPart("expected a comma, found 'evry'")).toEqual({ part: null, place: null, words: "expected a comma, found 'evry'" });
  });

  it('says how a rule stands, and never more than is known', () => {
    const row = { phase: 'active' as const, unknown: false, holds: false, waits_for: [], firings: 0, rule: crossing(1) };
    expect(standingOf(row).look).toBe('armed');
    expect(standingOf({ ...row, holds: true }).word).toBe('armed, above');
    expect(standingOf(row).word).toBe('armed, below');
    const level = { ...row, rule: { ...row.rule, condition: { type: 'price_is' as const, instrument: BTC, side: 'above' as const, level: 1 } } };
    expect(standingOf({ ...level, holds: true }).look).toBe('holds');
    expect(withoutTime('61,250.9 on binance at 13:46:11.997 UTC, trade 17')).toBe('61,250.9 on binance, trade 17');
    expect(standingOf({ ...row, holds: null }).look).toBe('waits');
    expect(standingOf({ ...row, unknown: true, holds: null }, 'the venue is away')).toMatchObject({ look: 'unknown', why: 'the venue is away' });
    expect(standingOf({ ...row, waits_for: ['signal'] }).word).toBe('waits for signal');
    expect(standingOf({ ...row, phase: 'done', firings: 1 }).why).toContain('once');
    expect(standingOf({ ...row, phase: 'paused', unknown: true }).look).toBe('paused');
  });

  it('says what is to be known of an alert', () => {
    expect(doubts({ late: false, after_gap: false, state: 'complete' })).toEqual([]);
    expect(doubts({ late: true, after_gap: true, state: 'incomplete' })).toHaveLength(3);
    expect(doubtLook({ after_gap: true, state: 'complete' })).toBe('cov-incomplete');
    expect(doubtLook({ after_gap: false, state: 'healed' })).toBe('cov-healed');
  });

  it('says how far a delivery is', () => {
    const row = { channel: 'mail', attempts: 0, next_try: null, done: null, error: '', together: 1, instead_of: '' };
    expect(deliveryWords({ ...row, state: 'off' })).toBe('off on this source');
    expect(deliveryWords({ ...row, state: 'dead', attempts: 5, error: '404' })).toBe('not sent after 5 attempts: 404');
    expect(deliveryWords({ ...row, state: 'sent', attempts: 1, together: 12 })).toBe('sent, one message for 12');
    expect(deliveryWords({ ...row, state: 'waiting', attempts: 2, error: '500' })).toContain('tried 2 times, is tried again: 500');
  });

  it('leaves the venue out only where it is clear', () => {
    expect(shortSentence(`${BTC} crosses 1`, [BTC])).toBe('BTC-USDT crosses 1');
    expect(shortSentence(`${BTC} crosses 1`, [BTC, 'BTC-USDT@coinbase'])).toBe(`${BTC} crosses 1`);
    expect(shortSentence(`${BTC} crosses 1`, [])).toBe(`${BTC} crosses 1`);
  });
});

describe('form', () => {
  it('has a control for every kind it offers, and goes from any to any', () => {
    for (const from of KINDS) {
      const before = ofKind(from.id, leaf(crossing(65_000, 64_800)), 61_000);
      expect(kindOf(before)).toBe(from.id);
      for (const to of KINDS) {
        const after = ofKind(to.id, before, 61_000);
        expect(kindOf(after)).toBe(to.id);
        expect('instrument' in after && after.instrument).toBe(BTC);
      }
    }
  });

  it('keeps a re-arm level on its side only', () => {
    const before = leaf(crossing(65_000, 64_800));
    expect(ofKind('is-above', before, null)).toMatchObject({ level: 65_000, rearm: 64_800 });
    expect(ofKind('crosses-down', before, null)).toMatchObject({ level: 65_000, rearm: null });
    expect(againSide(ofKind('crosses-down', before, null))).toBe('above');
  });

  it('takes the re-arm level along when a line is dragged, and rounds to the price', () => {
    expect(leaf(moved(crossing(65_000, 64_800), 0, 'level', 65_100.123456, 2))).toMatchObject({ level: 65_100.12, rearm: 64_900.12 });
    expect(leaf(moved(crossing(65_000, 64_800), 0, 'rearm', 64_700, 2))).toMatchObject({ level: 65_000, rearm: 64_700 });
    const channel: Rule = { condition: { type: 'price_channel', instrument: BTC, low: 1, high: 3, passage: 'leaves' } };
    expect(leaf(moved(channel, 0, 'high', 4, 0))).toMatchObject({ low: 1, high: 4 });
    expect(moved(channel, 7, 'high', 4, 0)).toBe(channel);
  });

  it('joins and parts conditions', () => {
    const two = withOneMore(crossing(65_000), null);
    expect(two.condition.type).toBe('all_of');
    expect(withoutLeaf(two, 1).condition).toEqual(crossing(65_000).condition);
    expect(conditionOf(leavesOf(two.condition), 'or').type).toBe('any_of');
    expect(leaf(withLeaf(two, 1, leaf(crossing(7))), 1)).toMatchObject({ level: 7 });
  });

  it('draws the levels of all its prices', () => {
    expect(linesOf(crossing(65_000, 64_800)).map(({ role }) => role)).toEqual(['level', 'rearm']);
    expect(linesOf(withOneMore(crossing(65_000), null))).toHaveLength(1);
    expect(linesOf(firstRule(BTC, 61_234.5))[0]?.price).toBe(61_540);
  });

  it('begins with a level in sight of what the chart shows', () => {
    const bars = [{ high: 61_260, low: 61_210 }, { high: null, low: null }];
    expect(reachOf(bars)).toBe(50);
    expect(reachOf([])).toBe(0);
    expect(linesOf(firstRule(BTC, 61_234.5, 50))[0]?.price).toBe(61_250);
    expect(linesOf(firstRule(BTC, 0.4109, 0.0012))[0]?.price).toBe(0.4113);
    expect(linesOf(firstRule(BTC, null, 50))[0]?.price).toBe(1);
  });

  it('moves by a step that fits the price', () => {
    expect(stepOf(65_000, 2)).toBe(10);
    expect(stepOf(0.5123, 4)).toBe(0.0001);
    expect(stepOf(0.00001, 8)).toBe(1e-8);
    expect(stepOf(0, 2)).toBe(0.01);
  });

  it('takes advice over; a rule with a cooldown fires more than once', () => {
    const once: Rule = { ...crossing(65_000), repeat: 'once' };
    expect(advised(once, { cooldown_s: 600, rearm: 64_900 }, 'cooldown')).toMatchObject({ repeat: 'every', cooldown_ns: 600e9 });
    expect(leaf(advised(once, { cooldown_s: 600, rearm: 64_900 }, 'rearm'))).toMatchObject({ rearm: 64_900 });
    expect(advised(once, { cooldown_s: null, rearm: null }, 'rearm')).toBe(once);
  });
});

describe('telling', () => {
  let number = 0;
  const alert = (severity: Notification['severity'] = 'info'): Notification => {
    number += 1;
    return { key: `j:a1.${number}`, alert: 'a1', firing: number, title: `a1 fired ${number}`, text: 'at 65,001', sentence: '', severity, note: '', instrument: BTC, fired: 0, told: 0, value: 65_001, trade_id: '1', state: 'complete', after_gap: false, late: false, read: false, deliveries: [], number: 1, read_at: null };
  };

  it('shows a few one by one, with the life of their severity', () => {
    const { say } = new AlertTelling().tell([alert(), alert('critical')], [], 5000, 'SIMULATED: ');
    expect(say.map(({ lifeMs }) => lifeMs)).toEqual([5000, null]);
    expect(say[0]?.text).toMatch(/^SIMULATED: /);
  });

  it('makes one of a storm, which counts those that stood alone', () => {
    const telling = new AlertTelling();
    const [first, ...rest] = Array.from({ length: 40 }, () => alert());
    const { say } = telling.tell([first as Notification], [], 5000, '');
    telling.remember([first as Notification]);
    const storm = telling.tell(rest, say.map(({ key }) => key), 5000, '');
    expect(storm.say).toHaveLength(1);
    expect(storm.say[0]).toMatchObject({ key: STORM_KEY, text: '40 alerts have fired.', lifeMs: 5000 });
    expect(storm.putAway).toEqual([`alert:${first?.key}`]);
    expect(telling.tell([alert()], [STORM_KEY], 5000, '').say[0]?.text).toBe('41 alerts have fired.');
  });

  it('stays when it stands for a critical one, and begins anew once it is gone', () => {
    const telling = new AlertTelling();
    const critical = alert('critical');
    telling.remember([critical]);
    const storm = telling.tell(Array.from({ length: STORM }, () => alert()), [`alert:${critical.key}`], 5000, '');
    expect(storm.say[0]).toMatchObject({ text: '3 alerts have fired.', lifeMs: null, tone: 'error' });
    expect(telling.tell(Array.from({ length: 5 }, () => alert()), [], 5000, '').say[0]).toMatchObject({ text: '5 alerts have fired.', lifeMs: 5000 });
  });
});

describe('rehearsal', () => {
  const found: Rehearsal = { over: 'trades', sentence: '', start: 0, end: 100, judged: 11, unknown: [[40, 60]], fired: [20, 70], swallowed: { cooling: 2 }, clusters: 2, per_day: 3, wished_per_day: null, enough: null, cooldown_s: null, rearm: null, asked_from: null, prices: Array.from({ length: 11 }, (_, i) => [i * 10, 100 + i]) };

  it('draws no line over what is unknown, and every mark in the box', () => {
    const plot = plotOf(found, [{ instrument: BTC, role: 'level', price: 105, part: 0 }], 200, 100);
    expect(plot.paths).toHaveLength(3); // before, the point within, after
    expect(plot.unknown).toEqual([{ x: 80, width: 40 }]);
    expect(plot.marks.map(({ x }) => x)).toEqual([40, 140]);
    for (const { y } of plot.marks) expect(y).toBeGreaterThan(0);
    expect(plot.levels).toHaveLength(1);
  });

  it('is not flattened by a level that is far away, nor broken by nothing', () => {
    expect(plotOf(found, [{ instrument: BTC, role: 'level', price: 9000, part: 0 }], 200, 100)).toMatchObject({ low: 100, high: 110, levels: [] });
    const empty = plotOf({ ...found, prices: [], fired: [50] }, [], 200, 100);
    expect(empty.paths).toEqual([]);
    expect(Number.isFinite(empty.marks[0]?.y)).toBe(true);
  });

  it('says that bars are a lower bound', () => {
    expect(rehearsalWords(found)).toBe('It would have told 2 times: 3 a day.');
    expect(rehearsalWords({ ...found, over: 'bars' })).toBe('It would have told at least 2 times: at least 3 a day.');
    expect(rehearsalWords({ ...found, clusters: 1 })).toContain('in 1 cluster');
    expect(rehearsalWords({ ...found, fired: [] })).toBe('It would have told nothing.');
  });

  it('says how far short of what was asked for it begins', () => {
    const minute = 60e6;
    const reach = (asked_from: number | null, start: number) => reachWords({ ...found, asked_from, start, end: 30 * minute });
    expect(reach(0, 12 * minute)).toBe('What could be had begins 12 m later than asked for.');
    expect(reach(0, 0.2 * minute)).toBeNull();
    expect(reach(null, 12 * minute)).toBeNull();
  });
});
