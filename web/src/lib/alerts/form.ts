/**
 * A rule as the controls of a form have it; pure: a change makes a new rule, and the desk judges it.
 *
 * Rules:
 * 1. What a form has no control for stays as it is.
 * 2. A condition of another kind keeps what both kinds have: the instrument, and a level where there is one.
 * 3. A level that is moved takes its re-arm level with it, at the same distance; one that is typed does not.
 */
import type { Condition, Leaf, LineRow, Role, Rule } from './protocol';

/** What the select of conditions offers, in its order. */
export const KINDS = [
  { id: 'crosses-up', words: 'crosses above' },
  { id: 'crosses-down', words: 'crosses below' },
  { id: 'crosses-either', words: 'crosses' },
  { id: 'is-above', words: 'is above' },
  { id: 'is-below', words: 'is below' },
  { id: 'enters', words: 'enters' },
  { id: 'leaves', words: 'leaves' },
  { id: 'moves-up', words: 'rises by' },
  { id: 'moves-down', words: 'falls by' },
  { id: 'volume', words: 'trades more than' },
  { id: 'spread', words: 'has a spread above' },
  { id: 'indicator-above', words: 'has an indicator above' },
  { id: 'indicator-below', words: 'has an indicator below' },
  { id: 'signal', words: 'gets a signal above' },
] as const;
export type Kind = (typeof KINDS)[number]['id'] | 'other';

const HOUR_NS = 3600e9;

export function leavesOf(condition: Condition): Leaf[] {
  return condition.type === 'all_of' || condition.type === 'any_of' ? ((condition as { parts: Leaf[] }).parts) : [condition as Leaf];
}

export function joinOf(condition: Condition): 'and' | 'or' {
  return condition.type === 'any_of' ? 'or' : 'and';
}

export function conditionOf(leaves: readonly Leaf[], join: 'and' | 'or'): Condition {
  const only = leaves.length === 1 ? leaves[0] : undefined;
  return only ?? { type: join === 'or' ? 'any_of' : 'all_of', parts: [...leaves] };
}

export function kindOf(leaf: Leaf): Kind {
  switch (leaf.type) {
    case 'price_crosses':
      return `crosses-${leaf.way}`;
    case 'price_is':
      return `is-${leaf.side}`;
    case 'price_channel':
      return leaf.passage;
    case 'price_moves':
      return leaf.way === 'down' ? 'moves-down' : 'moves-up';
    case 'volume_is':
      return 'volume';
    case 'spread_is':
      return 'spread';
    case 'indicator_is':
      return `indicator-${leaf.side}`;
    case 'signal_given':
      return 'signal';
    default:
      return 'other';
  }
}

/** The price that a leaf is about, if it is about one. */
export function levelOf(leaf: Leaf): number | null {
  if (leaf.type === 'price_is' || leaf.type === 'price_crosses') return leaf.level;
  return leaf.type === 'price_channel' ? (leaf.low + leaf.high) / 2 : null;
}

/** Rule 2. `price`: the last one, for a level that is not there yet. */
export function ofKind(kind: Kind, before: Leaf, price: number | null): Leaf {
  const instrument = 'instrument' in before ? String(before.instrument) : '';
  const level = levelOf(before) ?? round(price ?? 1);
  const rearm = (before.type === 'price_is' || before.type === 'price_crosses') && sameSide(kind, kindOf(before)) ? (before.rearm ?? null) : null;
  const window_ns = 'window_ns' in before ? Number(before.window_ns) : HOUR_NS;
  const edges = before.type === 'price_channel' ? { low: before.low, high: before.high, margin: before.margin ?? 0 } : { low: round(level * 0.99), high: round(level * 1.01), margin: 0 };
  switch (kind) {
    case 'crosses-up':
    case 'crosses-down':
      return { type: 'price_crosses', instrument, way: kind === 'crosses-up' ? 'up' : 'down', level, rearm };
    case 'crosses-either':
      return { type: 'price_crosses', instrument, way: 'either', level, rearm: null };
    case 'is-above':
    case 'is-below':
      return { type: 'price_is', instrument, side: kind === 'is-above' ? 'above' : 'below', level, rearm };
    case 'enters':
    case 'leaves':
      return { type: 'price_channel', instrument, passage: kind, ...edges };
    case 'moves-up':
    case 'moves-down':
      return { type: 'price_moves', instrument, way: kind === 'moves-up' ? 'up' : 'down', percent: before.type === 'price_moves' ? before.percent : 2, window_ns };
    case 'volume':
      return { type: 'volume_is', instrument, quantity: before.type === 'volume_is' ? before.quantity : 100, window_ns };
    case 'spread':
      return { type: 'spread_is', instrument, basis_points: before.type === 'spread_is' ? before.basis_points : 5 };
    case 'indicator-above':
    case 'indicator-below': {
      const side = kind === 'indicator-above' ? 'above' : 'below';
      return before.type === 'indicator_is' ? { ...before, side } : { type: 'indicator_is', instrument, interval: '5m', indicator: 'rsi(14)', side, level: side === 'above' ? 70 : 30, other: '', part: '' };
    }
    case 'signal':
      return { type: 'signal_given', instrument, confidence: before.type === 'signal_given' ? (before.confidence ?? 70) : 70 };
    default:
      return before;
  }
}

function sameSide(one: Kind, other: Kind): boolean {
  const up = (kind: Kind): boolean => kind === 'crosses-up' || kind === 'is-above';
  const down = (kind: Kind): boolean => kind === 'crosses-down' || kind === 'is-below';
  return (up(one) && up(other)) || (down(one) && down(other));
}

/** Three figures that mean something are enough to begin with: 61,234.56 becomes 61,200. */
export function round(price: number, figures = 3): number {
  return price === 0 || !Number.isFinite(price) ? price : Number(price.toPrecision(figures));
}

/** How far the newest bars reach from their lowest to their highest; 0 while nothing is known. */
export function reachOf(bars: readonly { high: number | null; low: number | null }[]): number {
  let [low, high] = [Infinity, -Infinity];
  for (const bar of bars.slice(-RECENT)) [low, high] = [Math.min(low, bar.low ?? Infinity), Math.max(high, bar.high ?? -Infinity)];
  return high > low ? high - low : 0;
}

const RECENT = 120;

/** What an empty form begins with: a level a little above the price, in sight of the chart where `reach` says how much that shows. */
export function firstRule(instrument: string, price: number | null, reach = 0): Rule {
  const unit = reach > 0 ? Number(`1e${Math.floor(Math.log10(reach * 0.3))}`) : 0;
  const near = price !== null && unit > 0 ? Number((Math.ceil((price + reach * 0.3) / unit) * unit).toPrecision(12)) : null;
  const level = near ?? (price === null ? 1 : round(price * 1.005, 4));
  return { condition: { type: 'price_crosses', instrument, way: 'up', level, rearm: null }, repeat: 'once', severity: 'info' };
}

export function withLeaf(rule: Rule, place: number, leaf: Leaf): Rule {
  return { ...rule, condition: conditionOf(leavesOf(rule.condition).map((each, i) => (i === place ? leaf : each)), joinOf(rule.condition)) };
}

export function withJoin(rule: Rule, join: 'and' | 'or'): Rule {
  return { ...rule, condition: conditionOf(leavesOf(rule.condition), join) };
}

export function withoutLeaf(rule: Rule, place: number): Rule {
  return { ...rule, condition: conditionOf(leavesOf(rule.condition).filter((_, i) => i !== place), joinOf(rule.condition)) };
}

/** One more, about the same instrument; not the same once more, which would say nothing. */
export function withOneMore(rule: Rule, price: number | null): Rule {
  const leaves = leavesOf(rule.condition);
  const last = leaves.at(-1) as Leaf;
  const more = ofKind(last.type === 'volume_is' ? 'spread' : 'volume', last, price);
  return { ...rule, condition: conditionOf([...leaves, more], joinOf(rule.condition)) };
}

/** Of what a rule is: the re-arm level may be said where the price has one side to come back to. */
export function mayRearm(leaf: Leaf): leaf is Extract<Leaf, { type: 'price_is' | 'price_crosses' }> {
  return leaf.type === 'price_is' || (leaf.type === 'price_crosses' && leaf.way !== 'either');
}

/** On which side the price must have been before it counts again. */
export function againSide(leaf: Leaf): 'above' | 'below' {
  return kindOf(leaf) === 'crosses-down' || kindOf(leaf) === 'is-below' ? 'above' : 'below';
}

/** Rule 3: a line of a rule moved to another price; exact decimals of the instrument, not those of pixels. */
export function moved(rule: Rule, part: number, role: Role, price: number, decimals: number): Rule {
  const leaf = leavesOf(rule.condition)[part];
  if (leaf === undefined) return rule;
  const exact = (value: number): number => Number(value.toFixed(Math.min(20, Math.max(0, decimals))));
  if (leaf.type === 'price_channel') {
    if (role === 'low') return withLeaf(rule, part, { ...leaf, low: exact(price) });
    return role === 'high' ? withLeaf(rule, part, { ...leaf, high: exact(price) }) : rule;
  }
  if (leaf.type !== 'price_is' && leaf.type !== 'price_crosses') return rule;
  if (role === 'rearm') return withLeaf(rule, part, { ...leaf, rearm: exact(price) });
  const rearm = leaf.rearm == null ? null : exact(leaf.rearm + (price - leaf.level));
  return withLeaf(rule, part, { ...leaf, level: exact(price), rearm });
}

/** Lines of a rule that is still being made, before the desk has said them. */
export function linesOf(rule: Rule): LineRow[] {
  return leavesOf(rule.condition).flatMap((leaf, part): LineRow[] => {
    if (leaf.type === 'price_channel') return [{ instrument: leaf.instrument, role: 'low', price: leaf.low, part }, { instrument: leaf.instrument, role: 'high', price: leaf.high, part }];
    if (leaf.type !== 'price_is' && leaf.type !== 'price_crosses') return [];
    const again: LineRow[] = leaf.rearm == null ? [] : [{ instrument: leaf.instrument, role: 'rearm', price: leaf.rearm, part }];
    return [{ instrument: leaf.instrument, role: 'level', price: leaf.level, part }, ...again];
  });
}

/** A step of an arrow key at this price: of the figure that stands fourth, and never finer than the price is. */
export function stepOf(price: number, decimals: number): number {
  const size = Math.abs(price);
  if (size === 0 || !Number.isFinite(size)) return 10 ** -decimals;
  return Math.max(Number(`1e${-decimals}`), Number(`1e${Math.floor(Math.log10(size)) - 3}`)); // exact, unlike powers
}

/** What an advice of a rehearsal makes of a rule. */
export function advised(rule: Rule, advice: { cooldown_s: number | null; rearm: number | null }, which: 'cooldown' | 'rearm'): Rule {
  const repeat = rule.repeat === 'once' || rule.repeat === undefined ? 'every' : rule.repeat;
  if (which === 'cooldown' && advice.cooldown_s !== null) return { ...rule, repeat, cooldown_ns: Math.round(advice.cooldown_s * 1e9) };
  const place = leavesOf(rule.condition).findIndex(mayRearm);
  const leaf = leavesOf(rule.condition)[place];
  if (which !== 'rearm' || advice.rearm === null || leaf === undefined || !mayRearm(leaf)) return rule;
  return withLeaf(rule, place, { ...leaf, rearm: advice.rearm });
}

const two = (n: number): string => String(n).padStart(2, '0');

export const clockText = (minutes: number): string => `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;

export function clockMinutes(text: string): number | null {
  const found = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(text.trim());
  return found ? Number(found[1]) * 60 + Number(found[2]) : null;
}
