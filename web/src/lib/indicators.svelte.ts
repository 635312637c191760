/**
 * The indicators that were chosen in this browser, and their values for the chart that is shown.
 *
 * Rules:
 * 1. The bars lead: values are asked for where there are bars, a page at a time, and never before there are any.
 * 2. When a bar has closed the newest are asked for again; while one is open, once in OPEN_MS at most.
 * 3. An answer for another chart, or for another choice, is thrown away.
 * 4. What failed is said and asked for again in RETRY_MS.
 */
import { pageOf, wordsOf } from './api';
import { fetchIndicated, fetchIndicators } from './indicatorQuestions';
import type { Bars } from './bars';
import { Line, MOST_CHOSEN, nextQuestion, readChosen, readText, type Covered } from './indicators';
import type { IndicatorCard, IndicatorRow } from './indicatorFacts';
import type { Bar, Interval } from './protocol';
import { storage } from './storage';
import { intervalSeconds } from './time';

const KEY = 'bethna.indicators';
const OPEN_MS = 1000;
const RETRY_MS = 5000;
const MICROS = 1_000_000;

class Indicators {
  chosen = $state.raw<readonly string[]>(readChosen(storage.read(KEY)));
  cards = $state.raw<readonly IndicatorCard[] | null>(null);
  /** Goes up with every answer. */
  version = $state.raw(0);
  failure = $state.raw('');
  /** Goes up when values of other bars than the newest changed. */
  epoch = 0;
  readonly lines = new Map<string, Line>();

  private key = '';
  private place = '';
  private covered: Covered | null = null;
  private busy = false;
  private seen = -1;
  private askedAt = -Infinity;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** Those that the desk has, as it says of them. */
  wanted = $derived(
    this.chosen.flatMap((text) => {
      const card = this.card(text);
      return card ? [{ text, pane: card.pane, outputs: card.outputs }] : [];
    }),
  );

  card(text: string): IndicatorCard | null {
    const name = readText(text)?.name;
    return this.cards?.find((card) => card.name === name) ?? null;
  }

  choose(texts: readonly string[]): void {
    this.chosen = [...new Set(texts)].slice(0, MOST_CHOSEN);
    storage.write(KEY, JSON.stringify(this.chosen));
  }

  async loadCards(): Promise<void> {
    if (this.cards !== null) return;
    try {
      this.cards = await fetchIndicators();
      this.failure = '';
    } catch (error) {
      this.failure = wordsOf(error).message;
    }
  }

  /** Called whenever the bars moved. */
  follow(name: string, interval: Interval, bars: Bars): void {
    this.turnTo(name, interval);
    const { last } = bars;
    const first = bars.list[0];
    if (this.chosen.length === 0 || !last || !first || this.busy) return;
    const wait = this.askedAt + OPEN_MS - performance.now();
    const moved = bars.version !== this.seen;
    const question = nextQuestion(this.covered, first.open_time, last.open_time, intervalSeconds(interval) * MICROS, pageOf(interval), moved && wait <= 0);
    const tooSoon = wait > 0 && this.covered !== null && question?.end === undefined;
    if (question && !tooSoon) void this.ask(name, interval, bars, question.limit, question.end);
    else if (question || moved) this.later(wait, name, interval, bars);
  }

  private later(ms: number, name: string, interval: Interval, bars: Bars): void {
    clearTimeout(this.timer);
    const { key } = this;
    this.timer = setTimeout(() => key === this.key && this.follow(name, interval, bars), Math.max(0, ms));
  }

  private turnTo(name: string, interval: Interval): void {
    const place = `${name} ${interval}`;
    const key = `${place} ${this.chosen.join(' ')}`;
    if (key === this.key) return;
    this.key = key;
    for (const text of this.lines.keys()) if (place !== this.place || !this.chosen.includes(text)) this.lines.delete(text);
    this.place = place;
    this.covered = null;
    this.busy = false;
    this.failure = '';
    this.changed(true);
  }

  private async ask(name: string, interval: Interval, bars: Bars, limit: number, end?: number): Promise<void> {
    const { key, chosen } = this;
    this.busy = true;
    this.seen = bars.version;
    this.askedAt = performance.now();
    try {
      await this.loadCards();
      const { bars: told, rows } = await fetchIndicated(name, interval, chosen, limit, end);
      if (key !== this.key) return; // rule 3
      this.failure = '';
      this.take(told, rows, limit, end);
    } catch (error) {
      if (key !== this.key) return;
      this.failure = wordsOf(error).message;
      this.busy = false;
      this.later(RETRY_MS, name, interval, bars);
      return;
    }
    this.busy = false;
    this.follow(name, interval, bars);
  }

  private take(told: readonly Bar[], rows: readonly IndicatorRow[], limit: number, end?: number): void {
    const from = told[0]?.open_time;
    const to = told.at(-1)?.open_time;
    if (from === undefined || to === undefined || rows.length !== this.chosen.length) {
      this.covered = { from: -Infinity, to: this.covered?.to ?? Infinity };
      return;
    }
    for (const [i, text] of this.chosen.entries()) {
      const line = this.lines.get(text) ?? new Line();
      this.lines.set(text, line);
      line.merge(rows[i] as IndicatorRow, told, this.card(text)?.level === 'free');
    }
    const older = end !== undefined && this.covered !== null;
    const newest = this.covered !== null && end === undefined && from <= this.covered.to;
    // A page that begins no earlier than what was there has nothing before it.
    if (older) this.covered = { from: from < (this.covered?.from ?? 0) ? from : -Infinity, to: this.covered?.to ?? to };
    else this.covered = { from: newest ? (this.covered?.from ?? from) : from, to };
    this.changed(!newest || limit > 2);
  }

  private changed(all: boolean): void {
    if (all) this.epoch += 1;
    this.version += 1;
  }
}

export const indicators = new Indicators();
