/**
 * What the desk says and hears, as docs/reference/http.md writes it down.
 *
 * Types only: nothing here runs. Instants are integer microseconds UTC, ids are strings, missing is null.
 */

export type Micros = number;

export type Provenance = 'live' | 'history' | 'derived' | 'synthetic';
export type CoverageState = 'complete' | 'healed' | 'unverified' | 'incomplete' | 'unknown';

export interface Gap {
  stream: string;
  first_id: string | null;
  last_id: string | null;
  start: Micros | null;
  end: Micros | null;
  reason: string;
  healed: boolean;
}

/** The certificate of completeness. Health may carry it empty, so every field can be absent. */
export interface Coverage {
  provenance?: Provenance;
  state?: CoverageState;
  gaps?: Gap[];
  sources?: string[];
  as_of?: Micros | null;
}

export interface PriceRow {
  instrument: string;
  venue: string;
  symbol: string;
  price: number | null;
  ts_event: Micros | null;
  ts_recv: Micros | null;
  age_ms: number | null;
  stale: boolean;
  change_24h_pct: number | null;
  bid: number | null;
  ask: number | null;
  coverage: Coverage;
}

export interface InstrumentFacts {
  instrument: string;
  venue: string;
  symbol: string;
  base: string;
  quote: string;
  venue_symbol: string;
  price_decimals: number;
  quantity_decimals: number;
  tick_size: number | null;
  lot_size: number | null;
  verified: boolean;
  kind: Kind;
  /** The currency that every size is counted in; null of an index. */
  quantity_unit: string | null;
  /** Null of a spot pair. */
  contract: Contract | null;
}

export type Kind = 'spot' | 'perpetual' | 'future' | 'option' | 'index';

export interface Contract {
  kind: Kind;
  settlement: string | null;
  /** Quoted or counted against the coin itself. */
  inverse: boolean;
  /** Of one contract, in the unit of quantities. */
  size: number | null;
  expiry: Micros | null;
  strike: number | null;
  option: 'call' | 'put' | null;
}

/** A figure that its venue computes and nobody trades. */
export interface IndexRow {
  instrument: string;
  venue: string;
  symbol: string;
  kind: 'price' | 'volatility';
  /** A currency, or `%` a year. */
  unit: string;
  value: number | null;
  ts_event: Micros | null;
  ts_recv: Micros | null;
  age_ms: number | null;
  stale: boolean;
  stale_after_ms: number;
  coverage: Coverage;
}

export interface Greeks {
  delta: number;
  gamma: number;
  vega: number;
  theta: number;
  rho: number;
}

/** What its venue says that a contract is worth; null is what it does not say. */
export interface ValuationRow {
  instrument: string;
  venue: string;
  symbol: string;
  kind: Kind;
  price_unit: string | null;
  quantity_unit: string | null;
  mark_price: number | null;
  index_price: number | null;
  underlying_price: number | null;
  underlying: string | null;
  /** A year, as fractions: 0.3825 is 38.25 %. */
  mark_iv: number | null;
  bid_iv: number | null;
  ask_iv: number | null;
  greeks: Greeks | null;
  open_interest: number | null;
  /** Of the moment and of the last eight hours, as fractions. */
  funding: number | null;
  funding_8h: number | null;
  ts_event: Micros | null;
  ts_recv: Micros | null;
  age_ms: number | null;
  stale: boolean;
  stale_after_ms: number;
  coverage: Coverage;
}

export const INTERVALS = ['1s', '1m', '3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '8h', '12h', '1d', '3d', '1w', '1M'] as const;
export type Interval = (typeof INTERVALS)[number];
/** Those with a key and a button of their own. */
export const OFTEN = ['1s', '1m', '5m', '15m', '30m', '1h', '4h', '1d'] as const satisfies readonly Interval[];

export interface Candle {
  open_time: Micros;
  open: number | null;
  high: number | null;
  low: number | null;
  close: number | null;
  volume: number | null;
  trades: number | null;
  closed: boolean;
  coverage: Coverage;
  /** Of a bar of a series, history and live: who told it (a venue, or `live` for the desk's own trades; empty where nobody), what is known of it, how often its figures gave way to others. */
  source?: string;
  kind?: 'traded' | 'quiet' | 'unknown';
  revision?: number;
}

export interface CandleSeries {
  instrument: string;
  venue: string;
  symbol: string;
  interval: Interval;
  candles: Candle[];
}

/** A bar of a series: history and live in one row; an unknown one has no figures. */
export interface Bar extends Candle {
  close_time: Micros;
  kind: 'traded' | 'quiet' | 'unknown';
  source: string;
  revision: number;
}

/** A span that a source could not tell; `end` is exclusive. */
export interface BarRefusal {
  source: string;
  reason: string;
  start: Micros;
  end: Micros;
}

export interface BarSeries {
  instrument: string;
  venue: string;
  symbol: string;
  interval: Interval;
  built_from: Interval | null;
  bars: Bar[];
  refusals: BarRefusal[];
}

export type Trust = 'waiting' | 'syncing' | 'trusted' | 'untrusted' | 'off';
export type PriceLevel = [price: number, quantity: number];

export interface Book {
  instrument: string;
  venue: string;
  symbol: string;
  bids: PriceLevel[];
  asks: PriceLevel[];
  update_id: string | null;
  trust: Trust;
  certified_depth: number | null;
  ts_event: Micros | null;
  ts_recv: Micros | null;
  age_ms: number | null;
  coverage: Coverage;
}

export type OutReason = 'waiting' | 'stale' | 'refused' | 'halted' | 'untrusted' | 'no book' | 'empty' | 'crossed' | 'no live rate' | 'far';
export type MergedLevel = [price: number, quantity: number, venues: Record<string, number>];

/** One venue of a best price; `out` is null when it is in. */
export interface VenueRow {
  instrument: string;
  venue: string;
  symbol: string;
  bid: number | null;
  bid_quantity: number | null;
  ask: number | null;
  ask_quantity: number | null;
  ts_event: Micros | null;
  ts_recv: Micros | null;
  age_ms: number | null;
  out: OutReason | null;
  why: string;
  coverage: Coverage;
}

/** The books of several venues merged by price. */
export interface BestBook {
  symbol: string;
  base: string;
  quote: string;
  bids: MergedLevel[];
  asks: MergedLevel[];
  certified_depth: number;
  bids_end_at: string | null;
  asks_end_at: string | null;
  /** The instruments of who bids more than the other one asks. */
  crossed_by: [bidder: string, asker: string] | null;
  venues: VenueRow[];
  ts_recv: Micros | null;
  age_ms: number | null;
  coverage: Coverage;
}

export interface Trade {
  price: number;
  quantity: number;
  side: 'buy' | 'sell' | null;
  trade_id: string;
  ts_event: Micros;
  ts_recv: Micros;
}

export interface TradeList {
  instrument: string;
  venue: string;
  symbol: string;
  trades: Trade[];
  coverage: Coverage;
}

export type TapeItem =
  | ({ kind: 'trade' } & Trade)
  /** `said` is absent in what the page weaves in from a snapshot's certificate. */
  | ({ kind: 'gap'; said?: 'found' | 'healed' | 'marked' } & Gap)
  /** `by` is ours: the desk drops for a slow reader, the page drops while it is not drawing. */
  | { kind: 'dropped'; count: number; by?: 'desk' | 'page' };

export type SourceKind = 'live' | 'twin' | 'tape';

export interface TapeState {
  name: string;
  speed: number | null;
  position: Micros | null;
  start: Micros | null;
  end: Micros | null;
  ended: boolean;
  loops: number;
  damage: string | null;
}

/** The market is simulated. */
export interface Simulation {
  seed: number | null;
  reason: string;
  /** A restart would lead to the live market. */
  live_reachable: boolean;
}

export interface VenueHealth {
  status: 'connecting' | 'ok' | 'reconnecting' | 'failing' | 'ended';
  message: string;
  /** Until then it answers no REST request of ours, us UTC. */
  banned_until?: number | null;
  connections: number;
  attempts: number;
  reconnects: number;
  rotations: number;
  clock_offset_ms: number | null;
  messages: number;
  wire_errors: number;
  unknown_messages: number;
  quota_used: number | null;
  quota_limit: number | null;
  /** Of what is used: by this desk's process, and by whom the venue counted beyond all of this user. */
  quota_own?: number;
  quota_foreign?: number;
  /** Of this user that share it now, this one included. */
  quota_processes?: number;
}

export interface InstrumentHealth {
  status: 'waiting' | 'live' | 'stale' | 'refused' | 'ended';
  message: string;
  venue: string;
  symbol: string;
  book: Trust;
  trades: number;
  trade_gaps: number;
  duplicates: number;
  heals: number;
  book_updates: number;
  book_gaps: number;
  resyncs: number;
  last_message: Micros | null;
  age_ms: number | null;
  coverage: Coverage;
  /** When a snapshot that the desk asked for last agreed with a book that no stream proves, and in how many levels. */
  book_compared?: Micros | null;
  book_compared_levels?: number;
}

export interface Health {
  status: 'ok' | 'degraded' | 'down';
  version: string;
  source: SourceKind;
  tape: TapeState | null;
  simulation: Simulation | null;
  now: Micros | null;
  state_hash: string | null;
  venues: Record<string, VenueHealth>;
  instruments: Record<string, InstrumentHealth>;
  notices: string[];
}

export interface DeskEvent {
  ts: Micros;
  level: 'info' | 'warning' | 'error';
  code: string;
  subject: string;
  message: string;
}

export interface Refusal {
  code: string;
  message: string;
  hint: string | null;
}

/** An instrument that a venue lists. */
export interface Listed {
  instrument: string;
  venue: string;
  symbol: string;
  base: string;
  quote: string;
  venue_symbol: string;
  tradable: boolean;
  followed: boolean;
}

export interface SymbolList {
  symbols: Listed[];
  /** All matches, also those beyond the limit. */
  total: number;
  /** All instruments that can be searched: 0 while no catalogue could be had. */
  listed: number;
  notice?: string;
}

export interface Followed {
  watchlist: { instrument: string; venue: string; symbol: string; status: InstrumentHealth['status']; message: string }[];
  most: number;
  /** The list survives a restart of the desk. */
  kept: boolean;
  notice?: string;
}

export interface DeskConnection {
  venue: string;
  number: number;
  host: string;
  status: VenueHealth['status'];
  opened_at: Micros | null;
  last_message: Micros | null;
  age_ms: number | null;
  messages: number;
  wire_errors: number;
  lag_ms: number | null;
  streams: number;
  instruments: string[];
}

export const FIGURES = ['price', 'bid', 'ask', 'spread', 'change_24h', 'book', 'trades', 'candle'] as const;
export type Figure = (typeof FIGURES)[number];

export interface StoryInput {
  what: string;
  id: string | null;
  value: string | null;
  ts_event: Micros | null;
  ts_recv: Micros | null;
}

/** Where a number that is shown comes from. */
export interface StoryAnswer {
  figure: Figure;
  instrument: string;
  value: number | null;
  unit: string;
  source: string;
  ts_event: Micros | null;
  ts_recv: Micros | null;
  age_ms: number | null;
  coverage: Coverage;
  how: string;
  inputs: StoryInput[];
  notice?: string;
}

/** One frame from the desk, before its data is known to be of a kind. */
export interface Frame {
  topic: string | null;
  type: 'snapshot' | 'delta' | 'status';
  seq: number;
  data: unknown;
}
