/**
 * The few questions that the page asks by HTTP. Same origin only.
 *
 * Whatever goes wrong is a DeskError with words for people: what failed, and what to do.
 */
import type { BarSeries, BestBook, Candle, CandleSeries, DeskConnection, Figure, Followed, InstrumentFacts, Interval, Micros, StoryAnswer, SymbolList } from './protocol';

const TIMEOUT_MS = 10_000;
const NO_CONTENT = 204;

export class DeskError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly hint: string | null,
  ) {
    super(message);
  }
}

interface Wish {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  body?: object;
  /** Given up by the page, for one that is newer. */
  signal?: AbortSignal;
  /** For a question whose answer is work. */
  timeoutMs?: number;
}

/** An error that this page gave up itself is no error to show. */
export function isGivenUp(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

/** Whatever went wrong, in words. */
export function wordsOf(error: unknown, withinMs = TIMEOUT_MS): DeskError {
  if (error instanceof DeskError) return error;
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return new DeskError('no_answer', `The desk did not answer within ${withinMs / 1000} s.`, 'Try again; Health tells what it is doing.');
  }
  return new DeskError('unreachable', 'The desk does not answer.', 'Check that it runs, or start it with `bethna up`.');
}

export async function ask<T>(path: string, { method = 'GET', body, signal, timeoutMs = TIMEOUT_MS }: Wish = {}): Promise<T> {
  const limit = AbortSignal.timeout(timeoutMs);
  const response = await fetch(path, {
    method,
    signal: signal ? AbortSignal.any([limit, signal]) : limit,
    headers: { accept: 'application/json', ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const answer = await readAnswer(response, limit, signal);
  if (answer?.error) throw new DeskError(answer.error.code, answer.error.message, answer.error.hint);
  if (!response.ok || (answer === null && response.status !== NO_CONTENT)) throw new DeskError(`http_${response.status}`, `The desk answered ${response.status}.`, null);
  return answer as T;
}

type Answer = { error?: { code: string; message: string; hint: string | null } } | null;

async function readAnswer(response: Response, ...signals: (AbortSignal | undefined)[]): Promise<Answer> {
  try {
    return (await response.json()) as Answer;
  } catch (error) {
    if (signals.some((signal) => signal?.aborted)) throw error; // given up in the middle: not an answer of the desk
    return null;
  }
}

export async function fetchInstruments(): Promise<InstrumentFacts[]> {
  return (await ask<{ instruments: InstrumentFacts[] }>('/api/v1/instruments')).instruments;
}

/** A page of history and live, the newest where `end` is not said. `also`: venues that lend what the own one has not. */
export function fetchBars(instrument: string, interval: Interval, end?: Micros, also: readonly string[] = []): Promise<BarSeries> {
  const query = new URLSearchParams({ instrument, interval, limit: String(pageOf(interval)), ...(end === undefined ? {} : { end: String(end) }) });
  if (also.length > 0) query.set('also', also.join(','));
  return ask<BarSeries>(`/api/v1/bars?${query}`);
}

/** Bars of one question; of long ones fewer, since no market is so old. */
export function pageOf(interval: Interval): number {
  return interval === '1M' ? 120 : interval === '1w' ? 250 : 500;
}

export async function fetchNewestCandles(instrument: string, interval: Interval, limit: number): Promise<Candle[]> {
  const query = new URLSearchParams({ instrument, interval, limit: String(limit) });
  return (await ask<CandleSeries>(`/api/v1/candles?${query}`)).candles;
}

export function fetchSymbols(text: string, limit: number, signal?: AbortSignal): Promise<SymbolList> {
  const query = new URLSearchParams({ query: text, limit: String(limit) });
  return ask<SymbolList>(`/api/v1/symbols?${query}`, signal ? { signal } : {});
}

/** What any spelling of a followed instrument means. */
export async function resolveName(text: string): Promise<string> {
  return (await ask<{ instrument: string }>(`/api/v1/trades/${encodeURIComponent(text)}?limit=1`)).instrument;
}

/** One more for every client of the desk; any spelling. */
export function follow(text: string): Promise<Followed> {
  return ask<Followed>(`/api/v1/watchlist/${encodeURIComponent(text)}`, { method: 'PUT' });
}

/** The list without it, or null where the desk does not tell. */
export function unfollow(instrument: string): Promise<Followed | null> {
  return ask<Followed | null>(`/api/v1/watchlist/${encodeURIComponent(instrument)}`, { method: 'DELETE' });
}

export async function fetchConnections(signal?: AbortSignal): Promise<DeskConnection[]> {
  return (await ask<{ connections: DeskConnection[] }>('/api/v1/connections', signal ? { signal } : {})).connections;
}

/** The books of a pair's venues as one. */
export function fetchBestBook(pair: string, depth: number, signal?: AbortSignal): Promise<BestBook> {
  return ask<BestBook>(`/api/v1/best/${encodeURIComponent(pair)}/book?depth=${depth}`, signal ? { signal } : {});
}

export interface StoryWish {
  figure: Figure;
  instrument: string;
  /** Both for a candle only. */
  interval?: Interval;
  openTime?: Micros;
}

export function fetchStory(wish: StoryWish, signal?: AbortSignal): Promise<StoryAnswer> {
  const query = new URLSearchParams({ figure: wish.figure, instrument: wish.instrument });
  if (wish.interval !== undefined) query.set('interval', wish.interval);
  if (wish.openTime !== undefined) query.set('open_time', String(wish.openTime));
  return ask<StoryAnswer>(`/api/v1/story?${query}`, signal ? { signal } : {});
}

/** The desk ends and begins anew on the live market, at the same address. */
export async function restartIntoLive(): Promise<void> {
  await ask('/api/v1/restart', { method: 'POST', body: { source: 'live' } });
}
