/**
 * Numbers for people: fixed decimals, grouped as the user reads them, missing as a dash.
 *
 * A price is never rounded: where it carries more digits than the instrument's decimals, all of them are shown.
 */

import { shown, type Grouping } from './shown.svelte';

export const MISSING = '—';
export const MINUS = '−';

export type Maybe = number | null | undefined;

export function isNumber(value: Maybe): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** The space is narrow and does not break. */
const SEPARATORS: Record<Grouping, string> = { comma: ',', space: '\u202f', none: '' };

function group(text: string): string {
  const separator = SEPARATORS[shown.grouping];
  if (separator === '') return text;
  const dot = text.indexOf('.');
  const whole = dot < 0 ? text : text.slice(0, dot);
  const rest = dot < 0 ? '' : text.slice(dot);
  return whole.replace(/\B(?=(\d{3})+$)/g, separator) + rest;
}

function signed(value: number, text: string): string {
  const size = text.replace(/^-/, '');
  return value < 0 && /[1-9]/.test(size) ? MINUS + size : size; // what rounds to nothing has no sign
}

/** The exact decimal text of a float, without an exponent. */
function plain(value: number): string {
  const text = String(value);
  if (!text.includes('e')) return text;
  const fixed = value.toFixed(Math.abs(value) < 1 ? 20 : 0);
  return fixed.includes('.') ? fixed.replace(/0+$/, '').replace(/\.$/, '') : fixed;
}

export function formatPrice(value: Maybe, decimals: number): string {
  if (!isNumber(value)) return MISSING;
  const fixed = value.toFixed(Math.min(20, Math.max(0, decimals)));
  return signed(value, group(Number(fixed) === value ? fixed : plain(value)));
}

/** Rounded to the decimals: for sizes' sums, spreads and other derived figures. */
export function formatFixed(value: Maybe, decimals: number): string {
  if (!isNumber(value)) return MISSING;
  return signed(value, group(value.toFixed(decimals)));
}

/** A size, exact like a price. */
export const formatQuantity = formatPrice;

/** -1, 0 or 1 as the text of `formatChange` reads, so that a colour never contradicts it. */
export function changeSign(value: Maybe): number {
  return isNumber(value) ? Math.sign(Number(value.toFixed(2))) : 0;
}

/** +1.24 %, always with its sign; a change that rounds to nothing has none. */
export function formatChange(value: Maybe): string {
  if (!isNumber(value)) return MISSING;
  const text = Math.abs(value).toFixed(2);
  const sign = Number(text) === 0 ? ' ' : value < 0 ? MINUS : '+';
  return `${sign}${text} %`;
}

/** 1.24 M: for places where a volume must not move its neighbours. */
export function formatCompact(value: Maybe, decimals = 2): string {
  if (!isNumber(value)) return MISSING;
  const size = Math.abs(value);
  if (size >= 1e9) return `${formatFixed(value / 1e9, 2)} B`;
  if (size >= 1e6) return `${formatFixed(value / 1e6, 2)} M`;
  if (size >= 1e4) return `${formatFixed(value / 1e3, 1)} K`;
  return formatFixed(value, decimals);
}

export function formatCount(value: Maybe): string {
  return isNumber(value) ? group(String(Math.round(value))) : MISSING;
}

/** How many decimals a number needs, for an instrument whose catalogue is not known (yet). */
export function decimalsOf(value: Maybe): number {
  if (!isNumber(value)) return 0;
  const text = plain(Math.abs(value));
  const dot = text.indexOf('.');
  return dot < 0 ? 0 : text.length - dot - 1;
}

/** `binance` as a person writes it. */
export function venueName(venue: string): string {
  return venue.charAt(0).toUpperCase() + venue.slice(1);
}
