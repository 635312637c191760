/** The few questions that the page asks by HTTP. Same origin only. */
import type { Candle, CandleSeries, InstrumentFacts, Interval, Micros } from './protocol';

const TIMEOUT_MS = 10_000;

export class DeskError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly hint: string | null,
  ) {
    super(message);
  }
}

async function ask<T>(path: string, wish?: object): Promise<T> {
  const headers = { accept: 'application/json', ...(wish && { 'content-type': 'application/json' }) };
  const response = await fetch(path, { signal: AbortSignal.timeout(TIMEOUT_MS), headers, ...(wish && { method: 'POST', body: JSON.stringify(wish) }) });
  const body = (await response.json().catch(() => null)) as { error?: { code: string; message: string; hint: string | null } } | null;
  if (body?.error) throw new DeskError(body.error.code, body.error.message, body.error.hint);
  if (!response.ok || body === null) throw new DeskError(`http_${response.status}`, `The desk answered ${response.status}.`, null);
  return body as T;
}

export async function fetchInstruments(): Promise<InstrumentFacts[]> {
  return (await ask<{ instruments: InstrumentFacts[] }>('/api/v1/instruments')).instruments;
}

export async function fetchOlderCandles(instrument: string, interval: Interval, end: Micros): Promise<Candle[]> {
  const query = new URLSearchParams({ instrument, interval, limit: '500', end: String(end) });
  return (await ask<CandleSeries>(`/api/v1/candles?${query}`)).candles;
}

/** The desk ends and begins anew on the live market, at the same address. */
export async function restartIntoLive(): Promise<void> {
  await ask('/api/v1/restart', { source: 'live' });
}
