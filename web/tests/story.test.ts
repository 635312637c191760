import { describe, expect, it } from 'vitest';
import type { StoryAnswer } from '../src/lib/protocol';
import { inputWords, storyLines, storyText, valueWords } from '../src/lib/story';

const AT = 1723161255343000;

function story(change: Partial<StoryAnswer> = {}): StoryAnswer {
  return {
    figure: 'bid',
    instrument: 'BTC-USDT@binance',
    value: 61602.01,
    unit: 'USDT',
    source: 'binance live',
    ts_event: AT,
    ts_recv: AT + 120,
    age_ms: 12,
    coverage: { provenance: 'live', state: 'complete', gaps: [], sources: ['binance'], as_of: AT },
    how: 'best bid of the venue’s quote stream at update 4711',
    inputs: [{ what: 'quote', id: '4711', value: '61602.01 x 0.4', ts_event: null, ts_recv: AT + 120 }],
    ...change,
  };
}

describe('a story', () => {
  it('tells source, times with their zone, age, coverage and how', () => {
    const lines = Object.fromEntries(storyLines(story(), 2, 3400).map(({ title, text }) => [title, text]));
    expect(lines).toMatchObject({
      Value: '61,602.01 USDT',
      Source: 'binance live',
      'At the venue': '2024-08-08 23:54:15.343 UTC',
      Received: '2024-08-08 23:54:15.343 UTC',
      Age: '3 s',
    });
    expect(lines.Coverage).toContain('complete');
    expect(lines.How).toContain('4711');
  });

  it('never shows a zero for what is missing', () => {
    const missing = story({ value: null, ts_event: null, ts_recv: null, age_ms: null, coverage: { state: 'unknown' }, inputs: [] });
    const lines = storyLines(missing, 2, null);
    for (const title of ['Value', 'At the venue', 'Received', 'Age']) expect(lines.find((line) => line.title === title)?.text).toBe('—');
    expect(storyText(missing, 2, null)).not.toMatch(/\b0\b/);
  });

  it('writes each figure in its own way', () => {
    expect(valueWords(story({ figure: 'change_24h', value: -1.234, unit: '%' }), 2)).toBe('−1.23 %');
    expect(valueWords(story({ figure: 'spread', value: 0.010000000002 }), 2)).toBe('0.01 USDT');
    expect(valueWords(story({ figure: 'price', value: 0.5, unit: '' }), 4)).toBe('0.5000');
  });

  it('is copied as plain text with its inputs', () => {
    const text = storyText(story(), 2, 12);
    expect(text.split('\n')[0]).toBe('Best bid of BTC-USDT@binance');
    expect(text).toContain('Input: quote 61602.01 x 0.4, id 4711, 2024-08-08 23:54:15.343 UTC');
    expect(text).toContain('Age: 12 ms');
    expect(inputWords({ what: 'x', id: null, value: null, ts_event: null, ts_recv: null })).toBe('');
  });
});
