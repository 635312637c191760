/** What indicators ask of the desk; apart from `api`, since it is loaded only when there are some. */
import { ask } from './api';
import type { IndicatorCard, IndicatorRow } from './indicatorFacts';
import type { Bar, BarSeries, Interval, Micros } from './protocol';

/** Bars, and what indicators say of each; `texts` as `ema(20)`. */
export async function fetchIndicated(instrument: string, interval: Interval, texts: readonly string[], limit: number, end?: Micros): Promise<{ bars: Bar[]; rows: IndicatorRow[] }> {
  const query = new URLSearchParams({ instrument, interval, limit: String(limit), ...(end === undefined ? {} : { end: String(end) }) });
  for (const text of texts) query.append('indicators', text);
  const answer = await ask<BarSeries & { indicators?: IndicatorRow[] }>(`/api/v1/bars?${query}`);
  return { bars: answer.bars, rows: answer.indicators ?? [] };
}

export async function fetchIndicators(): Promise<IndicatorCard[]> {
  return (await ask<{ indicators: IndicatorCard[] }>('/api/v1/indicators')).indicators;
}
