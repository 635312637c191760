import { describe, expect, it } from 'vitest';
import reference from '../../docs/reference/http.md?raw';
import { briefly, read } from '../src/lib/coverage';
import { gapWords } from '../src/lib/gaps';
import { PROOFS, storyLines } from '../src/lib/story';
import type { Coverage, Gap, StoryAnswer } from '../src/lib/protocol';

const NOON = 1723204800000000; // 2024-08-09 12:00:00 UTC

function gap(change: Partial<Gap> = {}): Gap {
  return { stream: 'trades', first_id: '17', last_id: '19', start: NOON, end: NOON + 3e6, reason: 'missing', healed: false, ...change };
}

/** The reasons as the reference lists them: names in backticks, after `reason`. */
function reasonsOfTheReference(): string[] {
  const row = reference.split('\n').find((line) => line.startsWith('| `gaps` |')) ?? '';
  return [...row.slice(row.indexOf('`reason`: ') + 10).matchAll(/`([a-z_]+)`/g)].map((found) => found[1] ?? '');
}

describe('the words of a gap', () => {
  const reasons = reasonsOfTheReference();

  it('are plain for every reason that the reference names, and each says something of its own', () => {
    expect(reasons).toContain('clock_set');
    expect(reasons.length).toBeGreaterThanOrEqual(14);
    const words = reasons.map((reason) => gapWords(gap({ reason })));
    expect(new Set(words).size).toBe(words.length);
    for (const [i, reason] of reasons.entries()) {
      if (reason !== 'missing') expect(words[i]).not.toMatch(new RegExp(`: ${reason.replaceAll('_', ' ')}$`)); // the way of one without words
      expect(words[i]).toContain('12:00:00–12:00:03 UTC');
    }
  });

  it('make a figure look incomplete with the gap in its first line, whatever the reason', () => {
    for (const reason of reasons) {
      const reading = read({ state: 'incomplete', gaps: [gap({ reason })] });
      expect(reading.mark).toBe('incomplete');
      expect(briefly(reading)).toBe(gapWords(gap({ reason })));
    }
  });

  it.each([
    ['clock_ahead', '3 s not known, 12:00:00–12:00:03 UTC: the venue’s times ran ahead of its clock'],
    ['clock_set', '3 s not seen, 12:00:00–12:00:03 UTC: a clock was set, and nobody saw the time between'],
    ['unheard', '3 s not known, 12:00:00–12:00:03 UTC: nothing has come yet that tells of this time'],
    ['not_watched', '3 s not watched, 12:00:00–12:00:03 UTC: the desk began to follow it later'],
    ['a_new_one', '3 s missing, 12:00:00–12:00:03 UTC: a new one'],
  ])('measure a time of which nobody knows what was in it: %s', (reason, words) => {
    expect(gapWords(gap({ reason, first_id: null, last_id: null }))).toBe(words);
  });

  it('call nothing missing or healed where nothing was lost', () => {
    const closed = { healed: true, first_id: '17', last_id: '17', end: NOON };
    expect(gapWords(gap({ ...closed, reason: 'duplicate' }))).toBe('1 trade came twice, 12:00:00 UTC: counted once');
    expect(gapWords(gap({ ...closed, reason: 'stray' }))).toBe('1 trade left out, 12:00:00 UTC: the number is far from all others');
    expect(gapWords(gap({ healed: true, reason: 'reordered' }))).toBe('3 trades came late, 12:00:00–12:00:03 UTC: nothing was lost');
  });

  it('say since when there is no connection, and count nothing where the venue counts anew', () => {
    expect(gapWords(gap({ reason: 'disconnected', first_id: null, last_id: null, end: null }))).toBe('without a connection since 12:00:00 UTC: what came meanwhile is not known yet');
    expect(gapWords(gap({ stream: 'book', first_id: null, last_id: null, end: null }))).toBe('missing since 12:00:00 UTC');
    expect(gapWords(gap({ reason: 'renumbered', last_id: '17' }))).toMatch(/^3 s not known, .*: the venue counts anew/);
  });

  it('tell a book that was mended from trades that were fetched', () => {
    expect(gapWords(gap({ stream: 'book', healed: true }))).toBe('healed 12:00:00–12:00:03 UTC, 3 updates told by a new snapshot');
  });
});

describe('what is unverified', () => {
  const coverage: Coverage = { state: 'unverified', sources: ['kraken'] };

  it('says what would prove it: numbers, a later trade, or nothing here', () => {
    expect(briefly(read(coverage))).toBe('Kraken gives no sequence numbers here');
    expect(briefly(read(coverage, { proof: 'quiet' }))).toBe('no later trade has proven this quiet time yet');
    expect(briefly(read(coverage, { proof: 'word' }))).toBe('the word of Kraken: nothing here can check it');
  });

  it('is told so in the story of a candle and of a change', () => {
    const told = (figure: StoryAnswer['figure']): string => {
      const story = { figure, instrument: 'BTC-USD@kraken', value: 1, unit: '', source: '', ts_event: null, ts_recv: null, age_ms: null, coverage, how: '', inputs: [] } as StoryAnswer;
      return storyLines(story, 2, null).find((line) => line.title === 'Coverage')?.text ?? '';
    };
    expect(told('candle')).toContain('no later trade has proven');
    expect(told('change_24h')).toContain('the word of Kraken');
    expect(told('book')).toContain('no sequence numbers');
    expect(Object.keys(PROOFS)).toHaveLength(2);
  });
});
