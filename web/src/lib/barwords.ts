/** What there is to say of one bar beside its figures: who told it, what is known of it and why not more. */
import { isQuiet, lender } from './bars';
import { venueName } from './format';
import { reasonWords } from './gaps';
import type { Candle } from './protocol';

/** Why nobody knows what happened in it. */
export function whyUnknown(bar: Candle): string {
  const reason = bar.coverage.gaps?.at(-1)?.reason;
  return (reason !== undefined && reasonWords(reason)) || 'nobody has told what happened in it';
}

export interface Told {
  words: string;
  title: string;
}

/** `venue` is the instrument's own. */
export function sourceOfBar(bar: Candle, venue: string): Told {
  const simulated = bar.coverage.provenance === 'synthetic' ? ', simulated' : '';
  const source = bar.source ?? 'live';
  const by = lender(bar, venue);
  if (source === '') return { words: '', title: '' };
  if (by !== '') return { words: `lent by ${venueName(by)}${simulated}`, title: `Another market: ${venueName(venue)} has no bar here` };
  if (source === 'live') return { words: `live${simulated}`, title: 'Made by this desk of the trades that it received' };
  if (source.includes('+')) return { words: `from ${venueName(venue)} and live${simulated}`, title: 'What the venue told, and what this desk has received since' };
  return { words: `from ${venueName(source)}${simulated}`, title: 'Made by the venue, from all of its trades' };
}

/** "quiet, revised 2×" */
export function remarksOn(bar: Candle): string {
  const revision = bar.revision ?? 0;
  return [isQuiet(bar) ? 'quiet: no trade' : '', revision > 0 ? `revised ${revision}×` : ''].filter(Boolean).join(', ');
}
