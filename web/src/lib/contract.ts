/**
 * What a contract is and what its venue says that it is worth, as words and figures for people. It computes nothing.
 *
 * Rules:
 * 1. A figure that this kind of contract has not is absent; one that the venue owes is a dash.
 * 2. What is shortened or rounded stands whole in the figure's own words.
 */
import { decimalsOf, formatCompact, formatFixed, formatPrice, isNumber, MISSING, venueName, type Maybe } from './format';
import type { Contract, InstrumentFacts, Kind, ValuationRow } from './protocol';
import { dayTimeZone } from './time';

export function isContract(kind: Kind): boolean {
  return kind === 'perpetual' || kind === 'future' || kind === 'option';
}

/** Until the desk has said what it is. */
export function kindByName(instrument: string): Kind {
  const symbol = instrument.split('@')[0] ?? '';
  if (/-(INDEX|DVOL)$/.test(symbol)) return 'index';
  return /-PERPETUAL$/.test(symbol) ? 'perpetual' : 'spot';
}

/** "inverse perpetual, settled in BTC" */
export function contractWords(contract: Contract): string {
  const { option, strike, expiry, settlement, size } = contract;
  const what = `${contract.inverse ? 'inverse ' : ''}${option ?? contract.kind}`;
  return [
    what,
    strike === null ? '' : `strike ${formatPrice(strike, 0)}`,
    expiry === null ? '' : `expires ${dayTimeZone(expiry)}`,
    settlement === null ? '' : `settled in ${settlement}`,
    size === null ? '' : `one contract is ${formatPrice(size, 0)}`,
  ]
    .filter(Boolean)
    .join(', ');
}

/** That sizes are not in coins is said where it surprises. */
export function sizeWords(facts: InstrumentFacts | undefined): string {
  if (!facts?.quantity_unit) return '';
  const surprise = facts.quantity_unit === facts.base ? '' : `, not in ${facts.base}`;
  return `Sizes and their sums are in ${facts.quantity_unit}${surprise}.`;
}

export interface Cell {
  id: string;
  title: string;
  text: string;
  value: number | null;
  /** Exact, and what it is. */
  about: string;
}

function exact(value: Maybe): string {
  return isNumber(value) ? formatPrice(value, decimalsOf(value)) : MISSING;
}

const percent = (value: Maybe, decimals: number): string => (isNumber(value) ? `${formatFixed(value * 100, decimals)} %` : MISSING);

/** A percentage as exact as the fraction it is made of. */
function exactPercent(value: Maybe): string {
  return isNumber(value) ? `${formatPrice(Number((value * 100).toPrecision(12)), 0)} %` : MISSING;
}

const withUnit = (text: string, unit: string | null): string => (text === MISSING || unit === null ? text : `${text} ${unit}`);

function cell(id: string, title: string, value: Maybe, text: string, said: string, what: string): Cell {
  return { id, title, value: isNumber(value) ? value : null, text, about: isNumber(value) ? `${said}\n${what}` : `${what}: the venue has said none` };
}

/** A price in money has two decimals at least, so that it does not change its length with each figure. */
const MONEY = 2;

export function cellsOf(row: ValuationRow, decimals: number, quote: string): Cell[] {
  const money = row.price_unit === quote ? Math.max(MONEY, decimals) : MONEY;
  const price = (id: string, title: string, value: Maybe, unit: string | null, what: string): Cell =>
    cell(id, title, value, unit === quote ? formatPrice(value, money) : withUnit(formatPrice(value, decimals), unit), withUnit(exact(value), unit), what);
  const rate = (id: string, title: string, value: Maybe, what: string): Cell => cell(id, title, value, percent(value, 4), exactPercent(value), what);
  const iv = (id: string, title: string, value: Maybe, what: string): Cell => cell(id, title, value, percent(value, 2), `${exactPercent(value)} a year`, what);
  const greek = (id: string, title: string, value: Maybe, places: number, what: string): Cell => cell(id, title, value, formatFixed(value, places), exact(value), what);
  const interest = withUnit(formatCompact(row.open_interest, 1), row.quantity_unit);
  return [
    price('mark', 'Mark', row.mark_price, row.price_unit, 'mark price'),
    price('index', 'Index', row.index_price, quote, 'index price'),
    ...(row.kind !== 'option' && row.underlying_price === null ? [] : [price('underlying', 'Underlying', row.underlying_price, quote, `price of the underlying ${row.underlying ?? ''}`.trim())]),
    ...(row.kind === 'perpetual'
      ? [rate('funding', 'Funding', row.funding, 'funding rate of the moment'), rate('funding-8h', 'Last 8 h', row.funding_8h, 'funding rate of the last eight hours')]
      : []),
    ...(row.kind === 'option'
      ? [
          iv('iv', 'IV', row.mark_iv, 'implied volatility at the mark price'),
          iv('bid-iv', 'Bid IV', row.bid_iv, 'implied volatility at the best bid'),
          iv('ask-iv', 'Ask IV', row.ask_iv, 'implied volatility at the best ask'),
          greek('delta', 'Delta', row.greeks?.delta, 3, 'per unit of the underlying'),
          greek('gamma', 'Gamma', row.greeks?.gamma, 5, `of delta, per ${quote}`),
          greek('vega', 'Vega', row.greeks?.vega, 2, `${quote} per volatility point`),
          greek('theta', 'Theta', row.greeks?.theta, 2, `${quote} a day`),
          greek('rho', 'Rho', row.greeks?.rho, 2, `${quote} per point of rate`),
        ]
      : []),
    cell('open-interest', 'Open interest', row.open_interest, interest, withUnit(exact(row.open_interest), row.quantity_unit), 'open interest'),
  ];
}

/** Holds the place of what has not come yet, so that nothing moves when it does. */
export function nothingYet(instrument: string, kind: Kind): ValuationRow {
  const [symbol = '', venue = ''] = instrument.split('@');
  const rest = { mark_price: null, index_price: null, underlying_price: null, underlying: null, mark_iv: null, bid_iv: null, ask_iv: null, greeks: null };
  const times = { ts_event: null, ts_recv: null, age_ms: null, stale: false, stale_after_ms: 0 };
  return { instrument, venue, symbol, kind, price_unit: null, quantity_unit: null, ...rest, open_interest: null, funding: null, funding_8h: null, ...times, coverage: {} };
}

/** What prices are counted in, where it is not the quote currency: an inverse option costs coins. */
export function oddPriceUnit(row: ValuationRow | null, quote: string | undefined): string | null {
  return row !== null && row.price_unit !== null && quote !== undefined && row.price_unit !== quote ? row.price_unit : null;
}

/** Why a panel has nothing: an index is only a figure. */
export function indexWords(instrument: string, what: string): { title: string; lines: string[] } {
  const [symbol = '', venue = ''] = instrument.split('@');
  return { title: `An index has no ${what}`, lines: [`${symbol} is a figure that ${venueName(venue)} computes; nobody trades it.`] };
}
