/**
 * Searching symbols as somebody types: when to ask, whose answer counts, what is marked; it draws nothing.
 *
 * Rules:
 * 1. The latest question wins: an answer to an older one is thrown away, and its request given up.
 * 2. Nobody is asked before the typing rests for a moment, except for the first question.
 * 3. Where nothing fits, what is nearest is what fits the text with its end cut off, one letter after the other.
 */
import type { Listed, SymbolList } from './protocol';

export const REST_MS = 120;
export const SHOWN = 30;
/** How many times a text is shortened before nothing is near it. */
export const NEAREST_TRIES = 6;

/** Rule 1, for any question: `settle` is called for the latest only. */
export class Latest<Answer> {
  private current: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly question: (text: string, signal: AbortSignal) => Promise<Answer>,
    private readonly settle: (outcome: { answer: Answer } | { error: unknown }) => void,
  ) {}

  ask(text: string, restMs: number): void {
    this.forget();
    this.timer = setTimeout(() => void this.send(text), restMs); // rule 2
  }

  forget(): void {
    clearTimeout(this.timer);
    this.current?.abort();
    this.current = null;
  }

  private async send(text: string): Promise<void> {
    const mine = new AbortController();
    this.current = mine;
    try {
      const answer = await this.question(text, mine.signal);
      if (this.current === mine) this.settle({ answer });
    } catch (error) {
      if (this.current === mine) this.settle({ error });
    }
  }
}

export interface Found {
  text: string;
  list: Listed[];
  total: number;
  listed: number;
  /** Nothing fits the text; these fit a shorter one. */
  nearest: boolean;
  notice: string | null;
}

type Ask = (text: string, limit: number, signal: AbortSignal) => Promise<SymbolList>;

export async function find(ask: Ask, text: string, signal: AbortSignal): Promise<Found> {
  const first = await ask(text, SHOWN, signal);
  const found = { text, list: first.symbols, total: first.total, listed: first.listed, nearest: false, notice: first.notice ?? null };
  if (first.total > 0 || first.listed === 0) return found;
  let shorter = joined(text);
  for (let tries = 0; tries < NEAREST_TRIES && shorter.length > 1; tries += 1) {
    shorter = shorter.slice(0, -1);
    const near = await ask(shorter, 8, signal); // rule 3
    if (near.symbols.length > 0) return { ...found, list: near.symbols, total: near.total, nearest: true };
  }
  return found;
}

/** Case and separators mean nothing; a venue after `@` is no part of the symbol. */
export function joined(text: string): string {
  return (text.split('@')[0] ?? '').replace(/[\W_]+/g, '').toUpperCase();
}

/** The symbol in three parts, the middle one being what was typed; null when it was found by another name. */
export function marked(symbol: string, text: string): [string, string, string] | null {
  const wanted = joined(text);
  if (wanted === '') return [symbol, '', ''];
  const letters = [...symbol].map((letter, at) => ({ letter: letter.toUpperCase(), at })).filter(({ letter }) => /[A-Z0-9]/.test(letter));
  const at = letters.map(({ letter }) => letter).join('').indexOf(wanted);
  const from = letters[at]?.at;
  const to = letters[at + wanted.length - 1]?.at;
  if (at < 0 || from === undefined || to === undefined) return null;
  return [symbol.slice(0, from), symbol.slice(from, to + 1), symbol.slice(to + 1)];
}

/** By which name the desk is asked to follow it: an old one that was typed whole, so that the desk can tell of the renaming. */
export function nameToFollow(one: Listed, text: string, nearest: boolean): string {
  const typed = joined(text);
  const whole = typed.length > one.quote.length && typed.endsWith(one.quote.toUpperCase());
  const byOldName = !nearest && whole && marked(one.symbol, text) === null;
  return byOldName ? `${typed}@${one.venue}` : one.instrument;
}

/** The place of the choice after a key; the list goes round. */
export function stepped(at: number, count: number, key: string): number | null {
  if (count === 0) return null;
  switch (key) {
    case 'ArrowDown':
      return (at + 1) % count;
    case 'ArrowUp':
      return at <= 0 ? count - 1 : at - 1;
    case 'PageDown':
      return Math.min(count - 1, Math.max(0, at) + 8);
    case 'PageUp':
      return Math.max(0, at - 8);
    default:
      return null;
  }
}
