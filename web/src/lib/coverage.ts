/**
 * The one visual language of completeness: what a figure looks like and the words that tell why.
 *
 * It reads certificates; it never makes one better than the desk gave it.
 */
import { venueName } from './format';
import { gapWords, plural } from './gaps';
import type { Coverage } from './protocol';
import { clockTime, duration, zoneAt } from './time';

export { gapIds, gapWords } from './gaps';

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
  /** Why nothing proves what is `unverified`: no numbers (the usual), no later trade yet, or the venue's mere word. */
  proof?: Proof | undefined;
}

export type Proof = 'numbers' | 'quiet' | 'word';

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

const SHOWN_GAPS = 4;

const UNPROVEN: Record<Proof, (venue: string) => string> = {
  numbers: (venue) => `${venue} gives no sequence numbers here`,
  quiet: () => 'no later trade has proven this quiet time yet',
  word: (venue) => `the word of ${venue}: nothing here can check it`,
};

function stateWords(coverage: Coverage | null | undefined, proof: Proof): string {
  const gaps = coverage?.gaps ?? [];
  const venue = venueName(coverage?.sources?.[0] ?? 'the venue');
  switch (coverage?.state) {
    case 'complete':
      return 'complete';
    case 'unverified':
      return UNPROVEN[proof](venue);
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
  else lines.push(stateWords(coverage, here.proof ?? 'numbers'));
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
