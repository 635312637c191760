import { describe, expect, it } from 'vitest';
import { coloured } from '../src/chart/lines';
import { labelOf, Line, MOST_CHOSEN, nextQuestion, offered, readChosen, readText, shortName, textOf, typed, wrong } from '../src/lib/indicators';
import type { IndicatorCard, IndicatorRow } from '../src/lib/indicatorFacts';
import { INTERVALS, OFTEN, type Bar } from '../src/lib/protocol';
import { intervalSeconds } from '../src/lib/time';

const MINUTE = 60e6;

function bars(...minutes: number[]): Bar[] {
  return minutes.map((minute) => ({ open_time: minute * MINUTE, closed: true }) as Bar);
}

function row(values: (number | null)[], states: IndicatorRow['states'] = values.map(() => null)): IndicatorRow {
  return { name: 'x', pane: 'own', outputs: { value: values }, states };
}

const card = (name: string, parameters: Partial<IndicatorCard['parameters'][number]>[] = []): IndicatorCard => ({
  name,
  words: name,
  pane: 'own',
  level: 'own',
  outputs: ['value'],
  parameters: parameters.map((each) => ({ name: 'period', words: 'bars', default: 20, least: 2, most: 10_000, whole: true, ...each })),
});

describe('an indicator as text', () => {
  it('is read back as it was written', () => {
    for (const [text, values] of [['ema(20)', [20]], ['macd(12,26,9)', [12, 26, 9]], ['bollinger(20,2.5)', [20, 2.5]], ['obv', []]] as const) {
      const read = readText(text);
      expect(read?.values).toEqual(values);
      expect(textOf(read?.name ?? '', read?.values ?? [])).toBe(text);
    }
    for (const text of ['', 'ema(', 'ema(x)', 'EMA(20)', 'ema(1..2)', '<b>', 'ema(20) ']) expect(readText(text)).toBeNull();
  });

  it('has a name for people', () => {
    expect(labelOf('macd(12,26,9)')).toBe('MACD 12 26 9');
    expect(['rsi', 'bollinger', 'yang_zhang'].map(shortName)).toEqual(['RSI', 'Bollinger', 'Yang-Zhang']);
  });

  it('is kept without what is none, once, and not without end', () => {
    expect(readChosen(JSON.stringify(['ema(20)', 7, null, 'ema(20)', 'nonsense(', 'obv']))).toEqual(['ema(20)', 'obv']);
    for (const broken of [null, '', '{', '{}', '7']) expect(readChosen(broken)).toEqual([]);
    expect(readChosen(JSON.stringify(Array.from({ length: 50 }, (_, i) => `ema(${i + 2})`)))).toHaveLength(MOST_CHOSEN);
  });

  it('asks a person only for what a person types', () => {
    const vwap = card('vwap', [{ name: 'session' }, { name: 'anchor', most: 2 ** 63 }]);
    const volatility = card('volatility', [{}, { name: 'bars_per_year', default: null, most: 4e7 }]);
    expect([vwap, volatility].map((each) => typed(each).length)).toEqual([1, 1]);
    expect(offered([vwap, card('volume_profile')])).toEqual([vwap]);
    const [period] = card('ema', [{}]).parameters;
    expect([2, 10_000, 1, 2.5, NaN, Infinity].map((value) => wrong(period!, value) === '')).toEqual([true, true, false, false, false, false]);
  });
});

describe('held values', () => {
  it('give way to a newer answer, and forget what is no value any more', () => {
    const line = new Line();
    line.merge(row([null, 1, 2], ['unknown', 'incomplete', null]), bars(1, 2, 3), false);
    line.merge(row([5, null, 4], [null, 'unknown', null]), bars(2, 3, 4), false);
    expect([1, 2, 3, 4].map((minute) => line.at('value', minute * MINUTE))).toEqual([null, 5, null, 4]);
    expect([2, 3, 4].map((minute) => line.state(minute * MINUTE))).toEqual(['complete', 'unknown', 'complete']);
  });

  it('of what has no level of its own meet where both answers have a closed bar', () => {
    const line = new Line();
    line.merge(row([100, 105, 103]), bars(10, 11, 12), true);
    line.merge(row([1, 3, -2]), bars(8, 9, 10), true); // older: from 10 on it is the same line
    line.merge(row([7, 9]), bars(12, 13), true); // newer
    expect([8, 9, 10, 11, 12, 13].map((minute) => line.at('value', minute * MINUTE))).toEqual([103, 105, 100, 105, 103, 105]);
  });
});

describe('what is asked for next', () => {
  const ask = (covered: [number, number] | null, first: number, last: number, moved = false) =>
    nextQuestion(covered && { from: covered[0] * MINUTE, to: covered[1] * MINUTE }, first * MINUTE, last * MINUTE, MINUTE, 500, moved);

  it('is the newest page, then those before it, and a few when a bar has closed', () => {
    expect(ask(null, 0, 900)).toEqual({ limit: 500 });
    expect(ask([401, 900], 0, 900)).toEqual({ limit: 500, end: 401 * MINUTE + 1 });
    expect(ask([-Infinity, 900], 0, 900)).toBeNull();
    expect(ask([0, 900], 0, 901)).toEqual({ limit: 4 });
    expect(ask([0, 900], 0, 900, true)).toEqual({ limit: 2 });
    expect(ask([0, 900], 0, 5000)).toEqual({ limit: 500 });
  });
});

describe('colours', () => {
  it('are one for a band, one a line, and none of a histogram', () => {
    const found = coloured([
      { text: 'bollinger(20,2)', pane: 'price', outputs: ['lower', 'middle', 'upper'] },
      { text: 'macd(12,26,9)', pane: 'own', outputs: ['line', 'signal', 'histogram'] },
    ]);
    expect(found.get('bollinger(20,2)')?.map((each) => each.color)).toEqual([0, 0, 0]);
    expect(found.get('macd(12,26,9)')?.map((each) => each.color)).toEqual([1, 2, null]);
  });
});

describe('intervals', () => {
  it('are sixteen, ascending, of which those with a key are some', () => {
    const lengths = INTERVALS.map(intervalSeconds);
    expect(INTERVALS).toHaveLength(16);
    expect([...lengths].sort((a, b) => a - b)).toEqual(lengths);
    expect(OFTEN.every((each) => (INTERVALS as readonly string[]).includes(each))).toBe(true);
  });
});
