import { afterEach, describe, expect, it } from 'vitest';
import { formatCompact, formatFixed, formatPrice } from '../src/lib/format';
import { shown } from '../src/lib/shown.svelte';
import { clockTime, clockTimeMs, day, dayOfMonth, dayTimeZone } from '../src/lib/time';
import { allZones, isZone, minutesAhead, resolveZone, zoneWords } from '../src/lib/zone';

const at = (text: string): number => Date.parse(text) * 1000;

afterEach(() => Object.assign(shown, { zone: 'UTC', grouping: 'comma' }));

describe('zones', () => {
  it.each([
    ['UTC', '2024-08-09T12:00:00Z', '2024-08-09 12:00:00 UTC'],
    ['Europe/Berlin', '2024-08-09T22:30:01Z', '2024-08-10 00:30:01 UTC+2'],
    ['Europe/Berlin', '2024-01-09T22:30:01Z', '2024-01-09 23:30:01 UTC+1'],
    ['Asia/Kolkata', '2024-08-09T12:00:00Z', '2024-08-09 17:30:00 UTC+5:30'],
    ['Asia/Kathmandu', '2024-08-09T12:00:00Z', '2024-08-09 17:45:00 UTC+5:45'],
    ['America/St_Johns', '2024-01-09T01:00:00Z', '2024-01-08 21:30:00 UTC−3:30'],
    ['Europe/London', '2024-01-09T01:00:00Z', '2024-01-09 01:00:00 UTC'],
    // The night in which the clocks go back: the same time of day twice, told apart by the zone's words.
    ['Europe/Berlin', '2024-10-27T00:59:59Z', '2024-10-27 02:59:59 UTC+2'],
    ['Europe/Berlin', '2024-10-27T01:00:00Z', '2024-10-27 02:00:00 UTC+1'],
  ])('in %s %s reads %s', (zone, instant, text) => {
    expect(dayTimeZone(at(instant), zone)).toBe(text);
  });

  it('agree with the browser at any instant, in every zone there is', () => {
    for (const zone of allZones()) {
      const micros = Math.floor(at('2015-01-01T00:00:00Z') + Math.random() * 15 * 365 * 86_400e6);
      const told = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' }).format(micros / 1000);
      expect(`${day(micros, zone)} ${clockTime(micros, zone)}`, zone).toBe(told);
    }
  });

  it('are known by their names only', () => {
    for (const name of ['UTC', 'local', 'Europe/Berlin']) expect(isZone(name)).toBe(true);
    for (const name of ['', 'Mars/Olympus', '+02:00', 'utc\n', '2']) expect(isZone(name), name).toBe(false);
    expect(isZone(resolveZone('local'))).toBe(true);
    expect(minutesAhead('UTC', 0)).toBe(0);
    expect(zoneWords('Asia/Tokyo', 0)).toBe('UTC+9');
  });

  it('are what every time follows once chosen', () => {
    const micros = at('2024-12-31T23:59:59.123Z');
    expect(clockTimeMs(micros)).toBe('23:59:59.123');
    shown.zone = 'Asia/Tokyo';
    expect(clockTimeMs(micros)).toBe('08:59:59.123');
    expect(dayOfMonth(micros)).toBe('1 Jan');
    expect(dayTimeZone(micros)).toBe('2025-01-01 08:59:59 UTC+9');
  });
});

it('numbers are grouped as chosen and keep every digit', () => {
  const written = { comma: '1,234,567.5', space: '1\u202f234\u202f567.5', none: '1234567.5' };
  for (const [grouping, text] of Object.entries(written)) {
    Object.assign(shown, { grouping });
    expect(formatPrice(1234567.5, 1)).toBe(text);
    expect(formatFixed(-999, 0)).toBe('−999');
  }
  const sums = { comma: ['9,876.50', '1,234.50 B'], space: ['9\u202f876.50', '1\u202f234.50 B'], none: ['9876.50', '1234.50 B'] };
  for (const [grouping, texts] of Object.entries(sums)) {
    Object.assign(shown, { grouping });
    expect([9876.5, 1.2345e12].map((value) => formatCompact(value))).toEqual(texts);
  }
});
