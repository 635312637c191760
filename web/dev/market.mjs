/** DEVELOPMENT ONLY. An invented market: random walks with gaps, for looking at the page without a desk. */

const MICRO = 1000;
export const now = () => Date.now() * MICRO;
export const provenance = process.env.FEEDER_PLAIN ? 'live' : 'synthetic';

export const coverage = (state = 'complete', gaps = [], at = now()) => ({
  provenance,
  state,
  gaps,
  sources: ['binance'],
  as_of: at,
});

const gap = (start, end, healed, first = '1200', last = '1202') => ({
  stream: 'trades',
  first_id: first,
  last_id: last,
  start,
  end,
  reason: healed ? 'missing' : 'connection_lost',
  healed,
});

const STEP = { '1s': 1, '1m': 60, '5m': 300, '15m': 900, '30m': 1800, '1h': 3600, '4h': 14400, '1d': 86400 };

export class Instrument {
  constructor(symbol, price, decimals, quantityDecimals, perSecond, mood = 'well') {
    Object.assign(this, { symbol, price, decimals, quantityDecimals, perSecond, mood });
    const [base, quote] = symbol.split('-');
    this.name = `${symbol}@binance`;
    this.facts = {
      instrument: this.name, venue: 'binance', symbol, base, quote, venue_symbol: base + quote,
      price_decimals: decimals, quantity_decimals: quantityDecimals,
      tick_size: 10 ** -decimals, lot_size: 10 ** -quantityDecimals, verified: true,
      kind: 'spot', quantity_unit: base, contract: null,
    };
    this.tick = 10 ** -decimals;
    this.trades = [];
    this.id = 1000;
    this.count = 0;
    this.bookUpdates = 0;
    this.lastAt = mood === 'waiting' || mood === 'refused' ? null : now();
    this.change = (Math.random() - 0.4) * 6;
    this.bars = {};
    if (this.lastAt !== null) for (const interval of Object.keys(STEP)) this.bars[interval] = this.history(interval);
  }

  round(value, decimals = this.decimals) {
    return Number(value.toFixed(decimals));
  }

  history(interval) {
    const step = STEP[interval] * 1e6;
    const last = Math.floor(now() / step) * step;
    const bars = [];
    let price = this.price * (1 - 0.002 * Math.random());
    for (let i = 499; i >= 0; i -= 1) {
      const open = price;
      const wild = this.price * 0.0009 * Math.sqrt(STEP[interval] / 60 + 0.1);
      price += (Math.random() - 0.5) * wild + (this.price - price) * 0.01;
      const time = last - i * step;
      if (i > 30 && i < 39) continue; // nobody watched
      let state = coverage('complete', [], time + step);
      if (i === 30 || i === 14) state = coverage('incomplete', [gap(time, time + step * 0.4, false)], time + step);
      if (i === 20) state = coverage('healed', [gap(time, time + step * 0.2, true)], time + step);
      bars.push({
        open_time: time, open: this.round(open),
        high: this.round(Math.max(open, price) + Math.random() * wild * 0.4),
        low: this.round(Math.min(open, price) - Math.random() * wild * 0.4),
        close: this.round(price), volume: this.round(Math.random() * 40 + 1, this.quantityDecimals),
        trades: Math.floor(Math.random() * 900), closed: i > 0, coverage: state,
      });
    }
    if (bars.length > 0) bars.at(-1).close = this.round(this.price);
    return bars;
  }

  trade() {
    const at = now();
    this.price = this.price * (1 + (Math.random() - 0.5) * 0.00008);
    const trade = {
      price: this.round(this.price), quantity: this.round(Math.random() ** 6 * 2 + this.tick, this.quantityDecimals),
      side: Math.random() > 0.5 ? 'buy' : 'sell', trade_id: String(this.id++), ts_event: at - 40_000, ts_recv: at,
    };
    this.trades = [...this.trades.slice(-199), trade];
    this.lastAt = at;
    this.count += 1;
    this.extend(trade);
    return trade;
  }

  extend(trade) {
    for (const [interval, bars] of Object.entries(this.bars)) {
      const step = STEP[interval] * 1e6;
      const time = Math.floor(trade.ts_event / step) * step;
      let bar = bars.at(-1);
      if (!bar || time > bar.open_time) {
        if (bar) bar.closed = true;
        bar = { open_time: time, open: trade.price, high: trade.price, low: trade.price, close: trade.price, volume: 0, trades: 0, closed: false, coverage: coverage() };
        bars.push(bar);
      }
      bar.high = Math.max(bar.high, trade.price);
      bar.low = Math.min(bar.low, trade.price);
      bar.close = trade.price;
      bar.volume = this.round(bar.volume + trade.quantity, this.quantityDecimals);
      bar.trades += 1;
    }
  }

  ageMs() {
    return this.lastAt === null ? null : Math.round((now() - this.lastAt) / 1000);
  }

  get status() {
    if (this.mood === 'refused' || this.mood === 'waiting') return this.mood;
    return this.ageMs() > 8000 ? 'stale' : 'live';
  }

  priceRow() {
    const known = this.lastAt !== null;
    return {
      instrument: this.name, venue: 'binance', symbol: this.symbol, price: known ? this.round(this.price) : null,
      ts_event: this.lastAt, ts_recv: this.lastAt, age_ms: this.ageMs(), stale: this.status === 'stale',
      change_24h_pct: known && this.mood !== 'stale' ? this.round(this.change, 2) : null,
      bid: known ? this.round(this.price - this.tick) : null, ask: known ? this.round(this.price + this.tick) : null,
      coverage: known ? coverage(this.mood === 'healed' ? 'healed' : 'complete', this.mood === 'healed' ? [gap(now() - 9e6, now() - 6e6, true)] : []) : coverage('unknown', [], null),
    };
  }

  book(depth = 20) {
    const side = (sign) =>
      Array.from({ length: depth }, (_, i) => [
        this.round(this.price + sign * this.tick * (i * 3 + 1 + Math.floor(Math.random() * 2))),
        this.round(Math.random() ** 3 * 4 + 0.001, this.quantityDecimals),
      ]);
    const known = this.lastAt !== null;
    this.bookUpdates += 1;
    return {
      instrument: this.name, venue: 'binance', symbol: this.symbol, bids: known ? side(-1) : [], asks: known ? side(1) : [],
      update_id: String(this.bookUpdates), trust: known ? 'trusted' : this.mood === 'refused' ? 'off' : 'waiting',
      certified_depth: 1000, ts_event: now() - 40_000, ts_recv: now(), age_ms: 4, coverage: coverage(known ? 'complete' : 'unknown'),
    };
  }

  health() {
    return {
      status: this.status,
      message: this.mood === 'refused' ? `Binance refused ${this.facts.venue_symbol}: unknown symbol. Nearest: FOOTUSDT.` : '',
      venue: 'binance', symbol: this.symbol, book: this.book().trust, trades: this.count, trade_gaps: 1, duplicates: 0,
      heals: this.mood === 'healed' ? 1 : 0, book_updates: this.bookUpdates, book_gaps: 0, resyncs: 0,
      last_message: this.lastAt, age_ms: this.ageMs(), coverage: coverage(),
    };
  }

  gapItem() {
    return { kind: 'gap', ...gap(now() - 3_000_000, now(), false, String(this.id), String((this.id += 3) - 1)) };
  }
}
