import { describe, expect, it } from 'vitest';
import type { Health, InstrumentHealth, VenueHealth } from '../src/lib/protocol';
import { groupsOf, standingOf } from '../src/lib/venues';

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
