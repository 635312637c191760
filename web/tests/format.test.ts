import { describe, expect, it } from 'vitest';
import { changeSign, decimalsOf, formatChange, formatCompact, formatFixed, formatPrice } from '../src/lib/format';

describe('prices', () => {
  it.each([
    [61702.5, 2, '61,702.50'],
    [0.00000812, 8, '0.00000812'],
    [1e-9, 8, '0.000000001'], // more digits than the catalogue promises: shown, not rounded
    [1234567.891, 2, '1,234,567.891'],
    [0, 2, '0.00'],
    [-12.5, 1, '−12.5'],
    [999, 0, '999'],
  ])('%d with %d decimals reads %s', (value, decimals, text) => {
    expect(formatPrice(value, decimals)).toBe(text);
  });

  it.each([null, undefined, NaN, Infinity])('%s is a dash, never a zero', (value) => {
    expect(formatPrice(value, 2)).toBe('—');
    expect(formatFixed(value, 2)).toBe('—');
    expect(formatChange(value)).toBe('—');
    expect(formatCompact(value)).toBe('—');
  });

  it('what rounds to nothing has no sign', () => {
    expect(formatFixed(-0.3, 0)).toBe('0');
    expect(formatFixed(-0, 2)).toBe('0.00');
    expect(formatFixed(-0.6, 0)).toBe('−1');
  });

  it('always reads back as the number that was received', () => {
    for (let i = 0; i < 2000; i += 1) {
      const value = Number((Math.random() * 10 ** (i % 9)).toPrecision(1 + (i % 12)));
      expect(Number(formatPrice(value, i % 9).replaceAll(',', ''))).toBe(value);
    }
  });
});

describe('changes', () => {
  it('carry their sign, and none when they round to nothing', () => {
    expect(formatChange(1.236)).toBe('+1.24 %');
    expect(formatChange(-0.5)).toBe('−0.50 %');
    expect(formatChange(-0.001)).toBe(' 0.00 %');
    expect(changeSign(-0.001)).toBe(-0);
    expect(changeSign(0.4)).toBe(1);
  });
});

it('reads decimals off a number whose catalogue is unknown', () => {
  expect(decimalsOf(0.00000812)).toBe(8);
  expect(decimalsOf(154)).toBe(0);
  expect(decimalsOf(null)).toBe(0);
});
