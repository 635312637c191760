/**
 * What the page knows: the last of everything received, and when. One owner, written only by `apply`.
 *
 * Panels read it and never write it; what they show is derived from here at drawing time.
 */
import { fetchInstruments, pageOf } from './api';
import { Bars } from './bars';
import { ageNow, type Dated, type Now } from './clock';
import type { Batch, LinkStatus, Stamped, TopicState } from './feed/inbox';
import { EVENT_LIMIT } from './feed/inbox';
import type { Place } from './feed/link';
import { decimalsOf } from './format';
import type { Book, Coverage, DeskEvent, Health, IndexRow, InstrumentFacts, InstrumentHealth, Kind, PriceRow, Refusal, Trade, ValuationRow } from './protocol';
import { settings } from './settings.svelte';
import { badgeOf, linkIsUp, pillOf } from './status';
import { isContract, kindByName } from './contract';
import { newestPrice, type NewestPrice } from './newest';
import { resolveBare } from './pairs';
import { Tape, type TapeRow } from './tape';
import { TapeTrust } from './tapetrust';
import { wallNow } from './time';
import { successor } from './watchlist';
import { linkTrouble, troubleOf, whyOld, type Trouble } from './trouble';

/** One instrument's price, a cell of its own so that a change redraws one row only. */
export class PriceCell {
  row = $state.raw<PriceRow | null>(null);
  at = $state.raw(0);
  /** Of the last change of price. */
  direction = $state.raw<-1 | 0 | 1>(0);
  /** The most decimals seen: what to draw with where no catalogue tells. */
  decimals = $state.raw(0);

  set(next: Stamped<PriceRow>): void {
    const before = this.row?.price;
    const after = next.value.price;
    if (before != null && after != null && before !== after) this.direction = after > before ? 1 : -1;
    const { price, bid, ask } = next.value;
    this.decimals = Math.max(this.decimals, decimalsOf(price), decimalsOf(bid), decimalsOf(ask));
    this.row = next.value;
    this.at = next.at;
  }
}

const NEVER: LinkStatus = { state: 'connecting', attempt: 0, retryAt: null, lastFrameAt: null, since: 0, wireErrors: 0, holes: 0 };

/** Decimals that the desk reads off the data can still grow. */
const INFERRED_AGAIN_MS = 5000;

class Store {
  link = $state.raw<LinkStatus>(NEVER);
  /** Who reads the desk's frames: a worker, or the page where the browser gives it none; null until one has spoken. */
  readBy = $state.raw<Place | null>(null);
  health = $state.raw<Stamped<Health> | null>(null);
  instruments = $state.raw<string[] | null>(null);
  facts = $state.raw<Record<string, InstrumentFacts>>({});
  events = $state.raw<DeskEvent[]>([]);
  /** Of the last batch: what happened while the page listened, not what a snapshot tells of before. */
  happened = $state.raw<readonly DeskEvent[]>([]);
  topics = $state.raw<Record<string, TopicState>>({});
  complaint = $state.raw<Refusal | null>(null);
  book = $state.raw<Stamped<Book> | null>(null);
  tapeRows = $state.raw<readonly TapeRow[]>([]);
  tapeCoverage = $state.raw<Coverage | null>(null);
  lastTrade = $state.raw<Trade | null>(null);
  /** What its venue says that the selected contract is worth. */
  valuation = $state.raw<Stamped<ValuationRow> | null>(null);
  indices = $state.raw<Record<string, Stamped<IndexRow>>>({});
  /** Of the selected instrument, from whichever stream knew it last. */
  newest = $state.raw<NewestPrice | null>(null);
  barsVersion = $state.raw(0);
  syntheticSeen = $state.raw(false);
  /** Moves twice a second; what counts ages depends on it. */
  tick = $state.raw(wallNow());
  /** Messages a second, an instrument or venue each, from the last two reports. */
  rates = $state.raw<Record<string, number>>({});

  readonly bars = new Bars();
  private readonly tape = new Tape();
  private readonly tapeTrust = new TapeTrust();
  private readonly cells = new Map<string, PriceCell>();

  selected = $derived.by(() => pick(settings.instrument, this.instruments, this.health?.value ?? null, settings.venue));
  up = $derived(linkIsUp(this.link));
  pill = $derived(pillOf(this.link, this.health?.value ?? null, this.tick));
  badge = $derived(badgeOf(this.health?.value ?? null, this.syntheticSeen, this.up));
  linkTrouble = $derived(linkTrouble(this.link, this.tick));
  /** What the user should be told once: the desk's notices, and what venues refused. */
  notices = $derived.by(() => {
    const health = this.health?.value;
    const refused = Object.values(health?.instruments ?? {}).filter((row) => row.status === 'refused' && row.message !== '');
    return [...new Set([...(health?.notices ?? []), ...refused.map((row) => row.message)])];
  });
  private now = $derived.by((): Now => {
    const health = this.health?.value;
    const tape = health?.source === 'tape' ? health.now : null;
    return { wall: this.tick, tape, lostAt: this.up ? null : (this.link.lastFrameAt ?? this.link.since) };
  });
  /** The live market answers by now, and this desk shows a simulated one. */
  liveReachable = $derived(this.up && this.health?.value.simulation?.live_reachable === true);
  ended = $derived(this.health?.value.tape?.ended === true);
  topicNames = $derived.by(() => {
    const always = ['health', 'prices', 'events', 'alerts', 'notifications']; // health first: it says what the others are of
    if ((this.instruments ?? []).some((name) => this.kindOf(name) === 'index')) always.push('indices');
    const one = this.selected;
    if (one === null || this.kindOf(one) === 'index') return always; // an index has neither book, trades nor candles
    const worth = isContract(this.kindOf(one)) ? [`valuations:${one}`] : [];
    return [...always, `book:${one}`, `trades:${one}`, `candles:${one}:${settings.interval}`, `bars:${one}:${settings.interval}:${pageOf(settings.interval)}`, ...worth];
  });

  cell(instrument: string): PriceCell {
    const known = this.cells.get(instrument);
    if (known) return known;
    const cell = new PriceCell();
    this.cells.set(instrument, cell);
    return cell;
  }

  age(row: Dated, at: number): number | null {
    return ageNow(row, at, this.now);
  }

  healthOf(instrument: string): InstrumentHealth | null {
    return this.health?.value.instruments[instrument] ?? null;
  }

  /** Why nothing comes for an instrument, or for the desk as a whole; null when something does or may. */
  troubleOf(instrument: string | null): Trouble | null {
    return troubleOf(this.link, this.health?.value ?? null, this.instruments, instrument, this.tick);
  }

  whyOld(instrument: string): string {
    return whyOld(this.up, this.health?.value ?? null, instrument);
  }

  /** A notice is the message of an event, with its count where it came again; the event says how bad it is. */
  levelOf(notice: string): DeskEvent['level'] {
    return this.events.findLast((event) => event.message !== '' && notice.startsWith(event.message))?.level ?? 'info';
  }

  topicState(prefix: string): TopicState['state'] | 'none' {
    return this.topics[this.topicName(prefix)]?.state ?? 'none';
  }

  refusalOf(prefix: string): Refusal | null {
    const state = this.topics[this.topicName(prefix)];
    return state?.state === 'refused' ? state.refusal : null;
  }

  /** By the desk's word, and by the name until it has come. */
  kindOf(instrument: string | null): Kind {
    return instrument === null ? 'spot' : (this.facts[instrument]?.kind ?? kindByName(instrument));
  }

  private topicName(prefix: string): string {
    return this.topicNames.find((name) => name === prefix || name.startsWith(`${prefix}:`)) ?? prefix;
  }

  priceDecimals(instrument: string): number {
    const facts = this.facts[instrument];
    if (facts?.verified) return facts.price_decimals;
    return Math.max(facts?.price_decimals ?? 0, this.cell(instrument).decimals);
  }

  quantityDecimals(instrument: string): number {
    return this.facts[instrument]?.quantity_decimals ?? 4;
  }

  /** The instrument or interval changed: what is shown of the old one must go before the new one is there. */
  clearSelected(all: boolean): void {
    this.bars.clear();
    this.barsVersion = this.bars.version;
    if (!all) return;
    this.book = null;
    this.tape.clear();
    this.tapeRows = [];
    this.tapeTrust.clear();
    this.tapeCoverage = null;
    this.lastTrade = null;
    this.valuation = null;
    this.newest = null;
  }

  apply(batch: Batch): void {
    if (batch.link) this.applyLink(batch.link);
    if (batch.health) this.applyHealth(batch.health);
    if (batch.instruments) this.applyInstruments(batch.instruments);
    for (const [instrument, row] of batch.prices) {
      this.noteSynthetic(row.value.coverage);
      this.cell(instrument).set(row);
    }
    this.noteNew([...batch.prices.keys()]);
    if (batch.topics.size > 0) this.topics = { ...this.topics, ...Object.fromEntries(batch.topics) };
    if (batch.indices.size > 0) this.indices = { ...this.indices, ...Object.fromEntries(batch.indices) };
    if (batch.complaint) this.complaint = batch.complaint;
    this.applySelected(batch);
    this.newest = newestPrice(this.newest, this.selected, this.selected === null ? null : this.cell(this.selected).row, this.tapeIsLive ? this.lastTrade : null);
    if (batch.events) {
      const before = batch.events.reset ? [] : this.events;
      this.events = [...before, ...batch.events.items].slice(-EVENT_LIMIT);
      this.happened = batch.events.reset ? [] : batch.events.items;
    }
  }

  private applyLink(link: LinkStatus): void {
    const opened = link.state === 'open' && this.link.state !== 'open' && this.link.state !== 'silent';
    this.link = link;
    if (opened) void this.loadFacts();
  }

  private applyHealth(health: Stamped<Health>): void {
    const before = this.health;
    this.health = health;
    if (before && health.at > before.at) this.rates = ratesBetween(before, health);
    const inferred = Object.values(this.facts).some((facts) => !facts.verified);
    if (inferred && health.at - this.factsAt > INFERRED_AGAIN_MS) void this.loadFacts();
  }

  private applyInstruments(instruments: string[]): void {
    this.syntheticSeen = false; // a new desk may have a new source; its first rows say so
    this.setInstruments(instruments);
  }

  /** The list as the desk has it now. Who was looked at and has left is followed by its neighbour. */
  setInstruments(instruments: string[]): void {
    const next = successor(this.instruments ?? [], instruments, this.selected);
    this.instruments = instruments;
    if (next !== null) settings.setInstrument(next);
    const kept = new Set(instruments);
    for (const [instrument, cell] of this.cells) if (!kept.has(instrument)) cell.row = null;
    if (instruments.some((instrument) => !this.facts[instrument])) void this.loadFacts();
  }

  /** A tape shows its instruments as it plays: a row of a new one can come without a snapshot. */
  private noteNew(names: string[]): void {
    const known = this.instruments;
    if (known === null) return;
    const fresh = names.filter((name) => !known.includes(name));
    if (fresh.length === 0) return;
    this.instruments = [...known, ...fresh];
    void this.loadFacts();
  }

  private applySelected(batch: Batch): void {
    if (batch.health && this.selected !== null) this.tapeTrust.certify(this.healthOf(this.selected)?.coverage);
    for (const [topic, book] of batch.books) {
      if (!this.topicNames.includes(topic)) continue;
      this.noteSynthetic(book.value.coverage);
      this.book = book;
    }
    for (const [topic, news] of batch.tapes) {
      if (!this.topicNames.includes(topic)) continue;
      if (news.snapshot) {
        this.tape.reset(news.snapshot);
        this.tapeTrust.reset(news.snapshot.coverage);
        this.noteSynthetic(news.snapshot.coverage);
      }
      this.tape.apply(news.items);
      this.tapeTrust.hear(news.items);
      this.tapeRows = this.tape.list;
      this.lastTrade = this.tape.lastTrade;
    }
    this.tapeCoverage = this.tapeTrust.coverage;
    for (const [instrument, row] of batch.valuations) {
      if (instrument === this.selected) this.valuation = row;
    }
    for (const [topic, news] of batch.candles) {
      if (!this.topicNames.includes(topic)) continue;
      const row = topic.startsWith('bars:');
      if (news.snapshot) this.bars[row ? 'resetRow' : 'reset'](news.snapshot);
      this.bars[row ? 'tell' : 'apply'](news.changed);
      this.barsVersion = this.bars.version;
    }
  }

  /** After a reconnection the old trades stand until the new snapshot is here, and may be of another run. */
  private get tapeIsLive(): boolean {
    return !this.up || this.topicState('trades') === 'live';
  }

  private noteSynthetic(coverage: Coverage | undefined): void {
    if (coverage?.provenance === 'synthetic') this.syntheticSeen = true;
  }

  private factsRetry: ReturnType<typeof setTimeout> | undefined;
  private factsAt = 0;

  /** Decimals come with the catalogue; until then they are read off the prices themselves. */
  private async loadFacts(): Promise<void> {
    clearTimeout(this.factsRetry);
    this.factsAt = wallNow();
    try {
      const list = await fetchInstruments();
      this.facts = Object.fromEntries(list.map((facts) => [facts.instrument, facts]));
    } catch {
      this.factsRetry = setTimeout(() => void this.loadFacts(), 5000);
    }
  }
}

/** What was asked for, else the first that its venue has not refused. */
function pick(wanted: string | null, followed: string[] | null, health: Health | null, venue: string | null): string | null {
  if (followed === null) return null;
  const named = wanted === null ? null : resolveBare(wanted, followed, venue);
  if (named !== null) return named;
  return followed.find((name) => health?.instruments[name]?.status !== 'refused') ?? followed[0] ?? null;
}

function ratesBetween(before: Stamped<Health>, after: Stamped<Health>): Record<string, number> {
  const seconds = (after.at - before.at) / 1000;
  const rates: Record<string, number> = {};
  for (const [name, venue] of Object.entries(after.value.venues)) {
    const old = before.value.venues[name];
    if (old) rates[name] = Math.max(0, venue.messages - old.messages) / seconds;
  }
  for (const [name, row] of Object.entries(after.value.instruments)) {
    const old = before.value.instruments[name];
    if (kindByName(name) === 'index') continue; // its values are no trades and no book: nobody counts them
    if (old) rates[name] = Math.max(0, row.trades + row.book_updates - old.trades - old.book_updates) / seconds;
  }
  return rates;
}

export const store = new Store();
