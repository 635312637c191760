/**
 * The one visual language of completeness: what a figure looks like and the words that tell why.
 *
 * It reads certificates; it never makes one better than the desk gave it.
 */
import { venueName } from './format';
import type { Coverage, Gap } from './protocol';
import { clockTime, duration, span, zoneAt } from './time';

export type Mark = 'plain' | 'healed' | 'incomplete' | 'unverified' | 'unknown';

export interface Reading {
  mark: Mark;
  stale: boolean;
  synthetic: boolean;
  /** Sentences for a tooltip, one a line. */
  words: string;
}

export interface Circumstance {
  ageMs?: number | null;
  stale?: boolean;
  /** The page cannot hear the desk: whatever it shows is from before. */
  linkDown?: boolean;
  /** Why it is old, when somebody knows. */
  whyOld?: string;
  missing?: boolean;
  whyMissing?: string;
}

export function markOf(coverage: Coverage | null | undefined): Mark {
  switch (coverage?.state) {
    case 'complete':
      return 'plain';
    case 'healed':
    case 'incomplete':
    case 'unverified':
      return coverage.state;
    default:
      return 'unknown';
  }
}

function idCount(gap: Gap): number | null {
  if (gap.first_id === null || gap.last_id === null) return null;
  if (!/^\d{1,18}$/.test(gap.first_id) || !/^\d{1,18}$/.test(gap.last_id)) return null;
  return Number(BigInt(gap.last_id) - BigInt(gap.first_id)) + 1;
}

function plural(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : `${noun}s`}`;
}

/** "3 trades missing, 14:02:08-14:02:11 UTC (ids 17-19): missing" */
export function gapWords(gap: Gap): string {
  const count = idCount(gap);
  const noun = gap.stream === 'trades' ? 'trade' : 'update';
  const when =
    gap.start === null ? '' : `${clockTime(gap.start)}${gap.end === null ? '' : `–${clockTime(gap.end)}`} ${zoneAt(gap.start)}`;
  if (gap.healed) {
    return `healed ${when}${count === null ? '' : `, ${plural(count, noun)} from history`}`.trim();
  }
  const length = gap.start !== null && gap.end !== null ? span((gap.end - gap.start) / 1000) : 'a span';
  const what = count === null ? length : plural(count, noun);
  const reason = gap.reason && gap.reason !== 'missing' ? ` (${gap.reason.replaceAll('_', ' ')})` : '';
  return `${what} missing${when ? `, ${when}` : ''}${reason}`;
}

export function gapIds(gap: Gap): string {
  if (gap.first_id === null) return '';
  return gap.last_id === null || gap.last_id === gap.first_id ? gap.first_id : `${gap.first_id}–${gap.last_id}`;
}

const SHOWN_GAPS = 4;

function stateWords(coverage: Coverage | null | undefined): string {
  const gaps = coverage?.gaps ?? [];
  const venue = venueName(coverage?.sources?.[0] ?? 'the venue');
  switch (coverage?.state) {
    case 'complete':
      return 'complete';
    case 'unverified':
      return `${venue} gives no sequence numbers here`;
    case 'healed':
    case 'incomplete': {
      const listed = gaps.slice(-SHOWN_GAPS).map(gapWords);
      if (gaps.length > SHOWN_GAPS) listed.unshift(`${plural(gaps.length, 'gap')}, the last ${SHOWN_GAPS}:`);
      if (listed.length > 0) return listed.join('\n');
      return coverage.state === 'healed' ? 'healed from history' : 'part of this is missing';
    }
    default:
      return 'not known how complete this is';
  }
}

const PROVENANCE: Record<string, string> = {
  live: 'as the venue sent it',
  history: 'from the venue’s history',
  derived: 'computed',
  synthetic: 'simulated market',
};

export function read(coverage: Coverage | null | undefined, here: Circumstance = {}): Reading {
  const mark: Mark = here.missing ? 'unknown' : markOf(coverage);
  const synthetic = coverage?.provenance === 'synthetic';
  const stale = Boolean(here.stale || here.linkDown);
  const lines: string[] = [];
  if (here.missing) lines.push(here.whyMissing ?? 'no data yet');
  else lines.push(stateWords(coverage));
  if (stale && !here.missing) {
    const age = here.ageMs == null ? '' : ` ${duration(here.ageMs)}`;
    const why = here.whyOld || (here.linkDown ? 'this page cannot hear the desk' : '');
    lines.push(`stale${age}${why ? `: ${why}` : ''}`);
  }
  const from = coverage?.sources?.length ? coverage.sources.map(venueName).join(', ') : '';
  const how = coverage?.provenance ? PROVENANCE[coverage.provenance] : '';
  if (from || how) lines.push([from, how].filter(Boolean).join(', '));
  if (coverage?.as_of != null) lines.push(`up to ${clockTime(coverage.as_of)} ${zoneAt(coverage.as_of)}`);
  return { mark, stale, synthetic, words: lines.join('\n') };
}

/** The first of the words, for a place with room for one line: "24 gaps" without the list that follows it elsewhere. */
export function briefly(reading: Reading): string {
  return (reading.words.split('\n')[0] ?? '').replace(/, the last \d+:$/, '');
}

/** Classes for a number's element; the look itself is in styles/coverage.css. */
export function looks(reading: Reading): string {
  return `cov-${reading.mark}${reading.stale ? ' cov-stale' : ''}`;
}
