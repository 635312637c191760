/**
 * What has arrived and was not drawn yet: the latest per key, so that a slow or hidden page costs no memory.
 *
 * It does not know sockets or sequence numbers; the connection hands it only frames that count.
 */
import type { Book, Candle, DeskEvent, Frame, Health, IndexRow, PriceRow, Refusal, TapeItem, TradeList, ValuationRow } from '../protocol';

/** A value and when this browser received it (milliseconds, see time.ts `wallNow`). */
export interface Stamped<T> {
  value: T;
  at: number;
}

export interface LinkStatus {
  state: 'connecting' | 'open' | 'silent' | 'waiting';
  /** Failed attempts since data last flowed. */
  attempt: number;
  retryAt: number | null;
  lastFrameAt: number | null;
  /** Since when this state holds. */
  since: number;
  wireErrors: number;
  holes: number;
}

export interface CandleNews {
  snapshot: Candle[] | null;
  changed: Candle[];
}

export interface TapeNews {
  snapshot: TradeList | null;
  items: TapeItem[];
}

export type TopicState = { state: 'waiting' | 'live' } | { state: 'refused'; refusal: Refusal };

export interface Batch {
  link: LinkStatus | null;
  prices: Map<string, Stamped<PriceRow>>;
  /** Set by a snapshot: what the desk follows now, in its order. */
  instruments: string[] | null;
  books: Map<string, Stamped<Book>>;
  /** Of the topics `candles` and `bars`. */
  candles: Map<string, CandleNews>;
  tapes: Map<string, TapeNews>;
  indices: Map<string, Stamped<IndexRow>>;
  valuations: Map<string, Stamped<ValuationRow>>;
  health: Stamped<Health> | null;
  events: { reset: boolean; items: DeskEvent[] } | null;
  topics: Map<string, TopicState>;
  /** A refusal that names no topic we know of. */
  complaint: Refusal | null;
}

export const TAPE_LIMIT = 200;
export const BAR_LIMIT = 1500;
export const EVENT_LIMIT = 500;

function emptyBatch(): Batch {
  return {
    link: null,
    prices: new Map(),
    instruments: null,
    books: new Map(),
    candles: new Map(),
    tapes: new Map(),
    indices: new Map(),
    valuations: new Map(),
    health: null,
    events: null,
    topics: new Map(),
    complaint: null,
  };
}

export class Inbox {
  private batch = emptyBatch();
  private bars = new Map<string, Map<number, Candle>>();
  dirty = false;

  /** Everything since the last call; the inbox is empty afterwards. */
  take(): Batch {
    const batch = this.batch;
    for (const [topic, bars] of this.bars) {
      const news = batch.candles.get(topic);
      if (news) news.changed = [...bars.values()].sort((a, b) => a.open_time - b.open_time);
    }
    this.batch = emptyBatch();
    this.bars = new Map();
    this.dirty = false;
    return batch;
  }

  setLink(link: LinkStatus): void {
    this.batch.link = link;
    this.dirty = true;
  }

  setTopic(topic: string, state: TopicState): void {
    this.batch.topics.set(topic, state);
    this.dirty = true;
  }

  complain(refusal: Refusal): void {
    this.batch.complaint = refusal;
    this.dirty = true;
  }

  /** What was waiting for a topic nobody wants any more. */
  drop(topic: string): void {
    this.batch.books.delete(topic);
    this.batch.candles.delete(topic);
    this.batch.tapes.delete(topic);
    this.batch.topics.delete(topic);
    this.bars.delete(topic);
  }

  /** False when so much was missed that only a new snapshot helps. */
  offer(topic: string, frame: Frame, at: number): boolean {
    this.dirty = true;
    const snapshot = frame.type === 'snapshot';
    const kind = topic.split(':', 1)[0];
    switch (kind) {
      case 'prices':
        this.offerPrices(topic, frame.data as { prices: PriceRow[] }, snapshot, at);
        return true;
      case 'book':
        this.batch.books.set(topic, { value: frame.data as Book, at });
        return true;
      case 'candles':
        return this.offerCandles(topic, (frame.data as { candles: Candle[] }).candles, snapshot);
      case 'bars':
        return this.offerCandles(topic, (frame.data as { bars: Candle[] }).bars, snapshot);
      case 'trades':
        this.offerTape(topic, frame.data, snapshot);
        return true;
      case 'indices':
        for (const row of (frame.data as { indices: IndexRow[] }).indices) this.batch.indices.set(row.instrument, { value: row, at });
        return true;
      case 'valuations':
        for (const row of (frame.data as { valuations: ValuationRow[] }).valuations) this.batch.valuations.set(row.instrument, { value: row, at });
        return true;
      case 'health':
        this.batch.health = { value: frame.data as Health, at };
        return true;
      case 'events':
        this.offerEvents(frame.data as { events: DeskEvent[] }, snapshot);
        return true;
      default:
        return true; // a topic of a newer desk: not ours to judge
    }
  }

  private offerPrices(topic: string, data: { prices: PriceRow[] }, snapshot: boolean, at: number): void {
    if (snapshot && topic === 'prices') {
      this.batch.prices.clear();
      this.batch.instruments = data.prices.map((row) => row.instrument);
    }
    for (const row of data.prices) this.batch.prices.set(row.instrument, { value: row, at });
  }

  private offerCandles(topic: string, list: Candle[], snapshot: boolean): boolean {
    const news = this.batch.candles.get(topic) ?? { snapshot: null, changed: [] };
    this.batch.candles.set(topic, news);
    if (snapshot) {
      news.snapshot = list;
      this.bars.delete(topic);
      return true;
    }
    const bars = this.bars.get(topic) ?? new Map<number, Candle>();
    this.bars.set(topic, bars);
    for (const candle of list) bars.set(candle.open_time, candle);
    return bars.size <= BAR_LIMIT;
  }

  private offerTape(topic: string, data: unknown, snapshot: boolean): void {
    const news = this.batch.tapes.get(topic) ?? { snapshot: null, items: [] };
    this.batch.tapes.set(topic, news);
    if (snapshot) {
      news.snapshot = data as TradeList;
      news.items = [];
      return;
    }
    news.items.push(...(data as { items: TapeItem[] }).items);
    if (news.items.length <= TAPE_LIMIT) return;
    news.items = keepNewest(news.items, TAPE_LIMIT);
  }

  private offerEvents(data: { events: DeskEvent[] }, snapshot: boolean): void {
    const before = this.batch.events;
    if (snapshot || before === null) {
      this.batch.events = { reset: snapshot, items: data.events.slice(-EVENT_LIMIT) };
      return;
    }
    before.items = [...before.items, ...data.events].slice(-EVENT_LIMIT);
  }
}

/** The newest items, headed by a row that says how many trades went. Half is cut, so that this is rare. */
export function keepNewest(items: TapeItem[], limit: number): TapeItem[] {
  const kept = items.slice(-Math.floor(limit / 2));
  let lost = 0;
  for (const item of items.slice(0, items.length - kept.length)) {
    if (item.kind === 'trade') lost += 1;
    else if (item.kind === 'dropped') lost += item.count;
  }
  return [{ kind: 'dropped', count: lost, by: 'page' }, ...kept];
}
