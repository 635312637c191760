/**
 * Indicators as text, as words and as held values. It asks nobody and draws nothing.
 *
 * Rules:
 * 1. A text is a name with the parameters that a person sees: `ema(20)`. One that is left out follows the desk's default.
 * 2. Values are held by the opening of their bar. A newer answer takes the place of an older one.
 * 3. What has no level of its own (`free`) is moved until both answers agree at a closed bar that both have.
 */
import type { IndicatorCard, IndicatorParameter, IndicatorRow } from './indicatorFacts';
import type { Bar, Micros } from './protocol';

export const MOST_CHOSEN = 8;

/** Never drawn as lines of a chart: they are of prices, not of times. */
const NOT_HERE = ['volume_profile'];
/** Years and instants as numbers are nothing to type in. */
const LONGEST_TYPED = 1e6;

export function offered(cards: readonly IndicatorCard[]): IndicatorCard[] {
  return cards.filter((card) => !NOT_HERE.includes(card.name));
}

/** Those that a person sets. */
export function typed(card: IndicatorCard): IndicatorParameter[] {
  return card.parameters.filter((each) => each.default !== null && each.most <= LONGEST_TYPED);
}

/** Rule 1. */
export function textOf(name: string, values: readonly number[]): string {
  return values.length === 0 ? name : `${name}(${values.join(',')})`;
}

export interface Read {
  name: string;
  values: number[];
}

/** Null for what is none. */
export function readText(text: string): Read | null {
  const found = /^([a-z][a-z_]{0,31})(?:\(([0-9.,]{1,100})\))?$/.exec(text);
  if (!found) return null;
  const values = found[2] === undefined ? [] : found[2].split(',').map(Number);
  return values.some((each) => !Number.isFinite(each)) ? null : { name: found[1] ?? '', values };
}

/** EMA, Bollinger, Yang-Zhang */
export function shortName(name: string): string {
  if (name.length <= 4) return name.toUpperCase();
  return name
    .split('_')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('-');
}

/** "MACD 12 26 9" */
export function labelOf(text: string): string {
  const read = readText(text);
  return read ? [shortName(read.name), ...read.values].join(' ') : text;
}

/** What was kept: whatever is no indicator is left out. */
export function readChosen(kept: string | null): string[] {
  let found: unknown;
  try {
    found = JSON.parse(kept ?? '[]');
  } catch {
    return [];
  }
  if (!Array.isArray(found)) return [];
  const texts = found.filter((each): each is string => typeof each === 'string' && readText(each) !== null);
  return [...new Set(texts)].slice(0, MOST_CHOSEN);
}

/** What is wrong with a number that was typed, in words; empty when nothing is. */
export function wrong(parameter: IndicatorParameter, value: number): string {
  const fits = Number.isFinite(value) && value >= parameter.least && value <= parameter.most && (!parameter.whole || Number.isInteger(value));
  return fits ? '' : `${parameter.whole ? 'A whole number' : 'A number'} from ${parameter.least} to ${parameter.most}.`;
}

/** A fraction of a year as percent. */
export function isVolatility(name: string): boolean {
  return ['volatility', 'parkinson', 'yang_zhang'].includes(name);
}

/** Rule 2. */
export class Line {
  readonly outputs = new Map<string, Map<Micros, number>>();
  private readonly states = new Map<Micros, string>();

  at(output: string, time: Micros): number | null {
    return this.outputs.get(output)?.get(time) ?? null;
  }

  /** `complete` where nothing else was said. */
  state(time: Micros): string {
    return this.states.get(time) ?? 'complete';
  }

  /** Takes an answer; `free` as of its card. */
  merge(row: IndicatorRow, bars: readonly Bar[], free: boolean): void {
    for (const [output, values] of Object.entries(row.outputs)) {
      const held = this.outputs.get(output) ?? new Map<Micros, number>();
      this.outputs.set(output, held);
      const shift = free ? shiftBetween(held, values, bars) : 0;
      for (const [i, bar] of bars.entries()) {
        const value = values[i];
        if (value == null) held.delete(bar.open_time);
        else held.set(bar.open_time, value + shift);
      }
    }
    for (const [i, bar] of bars.entries()) {
      const state = row.states[i];
      if (state == null) this.states.delete(bar.open_time);
      else this.states.set(bar.open_time, state);
    }
  }
}

/** Rule 3. Where they share no bar the new answer counts by itself. */
function shiftBetween(held: ReadonlyMap<Micros, number>, values: readonly (number | null)[], bars: readonly Bar[]): number {
  for (const [i, bar] of bars.entries()) {
    const before = held.get(bar.open_time);
    const now = values[i];
    if (bar.closed && before !== undefined && now != null) return before - now;
  }
  return 0;
}

/** What is known: from the opening of one bar to that of another, both included. */
export interface Covered {
  from: Micros;
  to: Micros;
}

export interface Question {
  limit: number;
  /** Exclusive. */
  end?: Micros;
}

/** What to ask for so that the bars have their values: the newest first, then what lies before; null when all is there. */
export function nextQuestion(covered: Covered | null, first: Micros, last: Micros, step: Micros, page: number, openMoved: boolean): Question | null {
  if (covered === null) return { limit: page };
  const newer = Math.round((last - covered.to) / step);
  if (newer > page - 3) return { limit: page };
  if (newer > 0) return { limit: newer + 3 };
  if (covered.from > first) return { limit: page, end: covered.from + 1 };
  return openMoved ? { limit: 2 } : null;
}
