import { describe, expect, it } from 'vitest';
import type { Health, InstrumentHealth, VenueHealth } from '../src/lib/protocol';
import { groupsOf, standingOf, summaryOf, type VenueGroup } from '../src/lib/venues';

function rows(...states: InstrumentHealth['status'][]): InstrumentHealth[] {
  return states.map((status) => ({ status, venue: 'kraken' }) as InstrumentHealth);
}

describe('how a venue stands', () => {
  it.each([
    [rows('live', 'stale'), 'fresh', 'ok'],
    [rows(), 'fresh', 'ok'],
    [rows('stale', 'stale'), 'stale', 'stale'],
    [rows('stale', 'waiting', 'refused'), 'stale', 'stale'],
    [rows('refused', 'refused'), 'refused', 'refused'],
    [rows('waiting', 'refused'), 'waiting', 'waiting'],
    [rows('ended'), 'fresh', 'ok'],
  ] as const)('of a socket that stands: %#', (instruments, dot, words) => {
    expect(standingOf('ok', instruments)).toMatchObject({ dot, words });
  });

  it('is not well where what comes is old, as the desk counts it', () => {
    expect(standingOf('ok', rows('live'), 3000).words).toBe('ok');
    expect(standingOf('ok', rows('live', 'stale'), 3001)).toEqual({ dot: 'stale', words: 'late', tone: 'warn' });
    expect(standingOf('ok', rows('stale'), 9000).words).toBe('stale');
    expect(standingOf('failing', rows('live'), 9000).words).toBe('failing');
  });

  it('is told in one line, and what is not well by its venue where all of it is not', () => {
    const venue = (status: VenueHealth['status']): VenueHealth => ({ status }) as VenueHealth;
    const row = (symbol: string, status: InstrumentHealth['status']): [string, InstrumentHealth] => [symbol, { symbol, status, message: '' } as InstrumentHealth];
    const groups: VenueGroup[] = [
      { name: 'kraken', venue: venue('failing'), instruments: [row('A', 'stale'), row('B', 'stale')] },
      { name: 'binance', venue: venue('ok'), instruments: [row('C', 'live'), row('D', 'refused')] },
      { name: 'deribit', venue: venue('ok'), instruments: [row('E', 'live')] },
    ];
    const found = summaryOf(groups, (name) => (name === 'deribit' ? 9000 : null));
    expect(found.words).toBe('2 of 5 streams live');
    expect(found.ill.map((each) => `${each.venue}: ${each.words}`)).toEqual(['kraken: Kraken failing', 'binance: D refused', 'deribit: Deribit late']);
    const doubted = ['F', 'G'].map((symbol): [string, InstrumentHealth] => [symbol, { ...row(symbol, 'live')[1], venue: 'kraken', message: "its times run 2.5 s ahead of its venue's clock" }]);
    expect(summaryOf([{ name: 'kraken', venue: venue('ok'), instruments: doubted }], () => 0).ill).toEqual([{ venue: 'kraken', words: 'Kraken clock ahead', tone: 'warn' }]);
    expect(summaryOf(groups.slice(2), () => null)).toEqual({ words: '1 of 1 streams live', ill: [] });
    expect(summaryOf([{ name: 'tape', venue: null, instruments: [row('A', 'ended')] }], () => null).words).toBe('All streams ended');
  });

  it.each(['connecting', 'reconnecting', 'failing', 'ended'] as const)('is the word of its connections where they do not: %s', (status) => {
    expect(standingOf(status, rows('stale')).words).toBe(status);
    expect(standingOf(status, rows('live')).dot).not.toBe('fresh');
  });
});

it('groups instruments under their venues, in the desk’s order, and forgets none', () => {
  const [one] = rows('live');
  const health = {
    venues: { kraken: {} as VenueHealth, binance: {} as VenueHealth },
    instruments: { 'A@binance': { ...one, venue: 'binance' }, 'B@kraken': one, 'C@binance': { ...one, venue: 'binance' }, 'D@elsewhere': { ...one, venue: 'elsewhere' } },
  } as unknown as Health;
  expect(groupsOf(health).map((group) => [group.name, group.venue === null, group.instruments.map(([name]) => name)])).toEqual([
    ['kraken', false, ['B@kraken']],
    ['binance', false, ['A@binance', 'C@binance']],
    ['elsewhere', true, ['D@elsewhere']],
  ]);
});
