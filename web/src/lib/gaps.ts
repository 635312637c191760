/**
 * A gap in words: how much, when, what became of it and why.
 *
 * Rules:
 * 1. Ids are counted. A gap that is known by its time only is measured, and nobody says that something was in it.
 * 2. Where nothing was lost (`CLOSED`) nothing is called missing or healed.
 * 3. Every reason that the desk gives (docs/reference/http.md) has words of its own; a newer desk's reason is shown as it is.
 */
import type { Gap } from './protocol';
import { clockTime, span, zoneAt } from './time';

/** Of what was lost or never seen: what is said of it, and why it is so. */
const REASONS: Record<string, [what: string, why: string]> = {
  missing: ['missing', ''],
  not_watched: ['not watched', 'the desk began to follow it later'],
  disconnected: ['without a connection', 'what came meanwhile is not known yet'],
  unheard: ['not known', 'nothing has come yet that tells of this time'],
  renumbered: ['not known', 'the venue counts anew, so no number tells what was lost'],
  clock_ahead: ['not known', 'the venue’s times ran ahead of its clock'],
  clock_set: ['not seen', 'a clock was set, and nobody saw the time between'],
  too_large: ['missing', 'more than can be fetched from history'],
  heal_refused: ['missing', 'the venue refused to send them again'],
  not_in_history: ['missing', 'the venue’s history does not have them'],
  heal_failed: ['missing', 'the venue’s history did not give them in time'],
  source_refused: ['not known', 'the venue refused to tell its history'],
  source_failed: ['not known', 'the venue’s history did not answer'],
  too_old: ['not known', 'the venue keeps only its newest bars'],
  no_source: ['not known', 'nobody tells bars of this length'],
  index: ['lent by an index', 'an average over many exchanges, no trade of this market'],
  index_samples: ['lent by an index', 'made of samples of an average, so its high and low are not the true ones'],
  not_asked: ['not known', 'nobody was asked for this time'],
};

/** Rule 2. */
const CLOSED: Record<string, [what: string, why: string]> = {
  reordered: ['came late', 'nothing was lost'],
  duplicate: ['came twice', 'counted once'],
  stray: ['left out', 'the number is far from all others'],
};

/** Whose ids do not count what was lost: the first one of a new count, or none at all. */
const UNCOUNTED = ['renumbered'];

function idCount(gap: Gap): number | null {
  if (gap.first_id === null || gap.last_id === null || UNCOUNTED.includes(gap.reason)) return null;
  if (!/^\d{1,18}$/.test(gap.first_id) || !/^\d{1,18}$/.test(gap.last_id)) return null;
  return Number(BigInt(gap.last_id) - BigInt(gap.first_id)) + 1;
}

export function plural(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : `${noun}s`}`;
}

function whenOf(gap: Gap): string {
  if (gap.start === null) return '';
  const [from, to] = [clockTime(gap.start), gap.end === null ? '' : clockTime(gap.end)];
  return `${from}${to === '' || to === from ? '' : `–${to}`} ${zoneAt(gap.start)}`;
}

/** Rule 1. */
function amountOf(gap: Gap): string {
  const count = idCount(gap);
  if (count !== null) return plural(count, gap.stream === 'trades' ? 'trade' : 'update');
  return gap.start !== null && gap.end !== null && gap.end > gap.start ? span((gap.end - gap.start) / 1000) : 'a span';
}

function sentence(head: string, when: string, why: string): string {
  return `${head}${when === '' ? '' : `, ${when}`}${why === '' ? '' : `: ${why}`}`;
}

/** "3 trades missing, 14:02:08–14:02:11 UTC: the venue’s history does not have them" */
export function gapWords(gap: Gap): string {
  const when = whenOf(gap);
  const closed = CLOSED[gap.reason];
  if (closed) return sentence(`${amountOf(gap)} ${closed[0]}`, when, closed[1]);
  if (gap.healed) {
    const count = idCount(gap);
    const from = gap.stream === 'trades' ? 'from history' : 'told by a new snapshot';
    return `healed ${when}${count === null ? '' : `, ${amountOf(gap)} ${from}`}`.trim();
  }
  const [what, why] = REASONS[gap.reason] ?? ['missing', gap.reason.replaceAll('_', ' ')];
  if (gap.end === null && when !== '' && idCount(gap) === null) return `${what} since ${when}${why === '' ? '' : `: ${why}`}`;
  return sentence(`${amountOf(gap)} ${what}`, when, why);
}

/** Why a gap stays, for the name that the desk gives the reason. */
export function reasonWords(reason: string): string {
  return REASONS[reason]?.[1] ?? CLOSED[reason]?.[1] ?? reason.replaceAll('_', ' ');
}

export function gapIds(gap: Gap): string {
  if (gap.first_id === null) return '';
  return gap.last_id === null || gap.last_id === gap.first_id ? gap.first_id : `${gap.first_id}–${gap.last_id}`;
}
