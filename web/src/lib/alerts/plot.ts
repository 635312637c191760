/** Where a rehearsal's prices, marks and unknown spans are in a box of pixels; pure. */
import type { Micros } from '../protocol';
import type { LineRow, Rehearsal } from './protocol';

export interface Plot {
  /** Pieces of a line: none goes over a span of which nothing is known. */
  paths: string[];
  marks: { x: number; y: number; at: Micros }[];
  unknown: { x: number; width: number }[];
  levels: { y: number; role: string }[];
  low: number;
  high: number;
}

const EDGE = 4;

export function plotOf(found: Rehearsal, lines: readonly LineRow[], width: number, height: number): Plot {
  const { start, end, prices, unknown } = found;
  const span = Math.max(1, end - start);
  const x = (at: Micros): number => round(((Math.min(end, Math.max(start, at)) - start) / span) * width);
  const values = prices.map(([, price]) => price);
  let [low, high] = values.length === 0 ? [0, 1] : [Math.min(...values), Math.max(...values)];
  // A level counts for the scale where it is near what was traded; one far away would flatten all.
  const room = Math.max((high - low) * 0.5, high * 0.0005);
  for (const { price } of lines) if (price > low - room && price < high + room) [low, high] = [Math.min(low, price), Math.max(high, price)];
  if (high === low) [low, high] = [low - (Math.abs(low) * 0.001 || 1), high + (Math.abs(high) * 0.001 || 1)];
  const y = (price: number): number => round(EDGE + (1 - (price - low) / (high - low)) * (height - 2 * EDGE));
  return {
    paths: pieces(prices, unknown).map((piece) => piece.map(([at, price], i) => `${i === 0 ? 'M' : 'L'}${x(at)} ${y(price)}`).join('')),
    marks: found.fired.map((at) => ({ x: x(at), y: y(priceAt(prices, at) ?? high), at })),
    unknown: unknown.map(([from, to]) => ({ x: x(from), width: Math.max(1, round(x(to) - x(from))) })),
    levels: lines.filter(({ price }) => price >= low && price <= high).map(({ price, role }) => ({ y: y(price), role })),
    low,
    high,
  };
}

const round = (value: number): number => Math.round(value * 10) / 10;

function pieces(prices: Rehearsal['prices'], unknown: Rehearsal['unknown']): Rehearsal['prices'][] {
  const found: Rehearsal['prices'][] = [];
  let before: Micros | null = null;
  for (const point of prices) {
    const cut = before !== null && unknown.some(([from, to]) => from < point[0] && to > (before as Micros));
    if (before === null || cut) found.push([]);
    found.at(-1)?.push(point);
    before = point[0];
  }
  return found;
}

/** The last price at or before an instant. */
function priceAt(prices: Rehearsal['prices'], at: Micros): number | null {
  return prices.findLast(([when]) => when <= at)?.[1] ?? prices[0]?.[1] ?? null;
}
