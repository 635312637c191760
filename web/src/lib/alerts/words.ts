/**
 * Alerts in words: how a rule stands, how an alert came, lengths of time; pure, so that each word is tested.
 *
 * It judges nothing: what is not known is said to be not known.
 */
import { plural } from '../gaps';
import { duration } from '../time';
import type { AlertRow, Channel, Condition, Delivery, Leaf, Limits, Notification, Rehearsal, Severity } from './protocol';

const UNITS: readonly [unit: string, ns: number][] = [['w', 604_800e9], ['d', 86_400e9], ['h', 3_600e9], ['m', 60e9], ['s', 1e9], ['ms', 1e6]];

/** As a sentence says it: 10m, 90s; empty for none. */
export function lengthText(ns: number | undefined): string {
  if (!ns) return '';
  const found = UNITS.find(([, size]) => ns % size === 0);
  return found ? `${ns / found[1]}${found[0]}` : `${ns / 1e6}ms`;
}

/** The nanoseconds of `10m`; 0 for nothing, null where it is no length. */
export function readLength(text: string): number | null {
  const plain = text.trim().toLowerCase();
  if (plain === '') return 0;
  const found = /^(\d{1,9}(?:\.\d{1,9})?)\s*(ms|s|m|h|d|w)$/.exec(plain);
  const unit = UNITS.find(([name]) => name === found?.[2]);
  return found && unit ? Math.round(Number(found[1]) * unit[1]) : null;
}

/** `65,000` and `65k` as people write them; null where it is no number. */
export function readNumber(text: string): number | null {
  const found = /^(-?(?:\d+|\d{1,3}(?:[,\s\u202f]\d{3})+)(?:\.\d+)?(?:e-?\d{1,3})?)\s?(k?)$/.exec(text.trim().toLowerCase());
  return found ? Number(found[1]?.replace(/[,\s\u202f]/g, '')) * (found[2] ? 1000 : 1) : null;
}

export interface Standing {
  look: 'armed' | 'holds' | 'unknown' | 'waits' | 'paused' | 'done' | 'expired';
  word: string;
  /** A sentence that says what that means. */
  why: string;
}

/** How a rule stands. `missing`: why nobody knows, where somebody knows that. */
export function standingOf(row: Pick<AlertRow, 'phase' | 'unknown' | 'holds' | 'waits_for' | 'firings' | 'rule'>, missing = ''): Standing {
  const { phase, firings } = row;
  if (phase === 'done') return { look: 'done', word: 'done', why: `It has fired ${times(firings)} and fires no more.` };
  if (phase === 'expired') return { look: 'expired', word: 'expired', why: 'Its time is over.' };
  if (phase === 'paused') return { look: 'paused', word: 'paused', why: 'It is not judged until you resume it.' };
  if (row.waits_for.length > 0) return { look: 'waits', word: `waits for ${row.waits_for.join(', ')}`, why: 'This source is not there yet; the rule is kept and begins with it.' };
  if (row.unknown) return { look: 'unknown', word: 'unknown', why: missing || `${windowed(row.rule.condition) ? 'Its window is not full yet, or trades are missing' : 'Trades are missing'}: nobody knows whether the condition holds. They are judged when they come.` };
  const crossing = row.rule.condition.type === 'price_crosses' ? row.rule.condition : null;
  if (crossing !== null && row.holds !== null) {
    const side = row.holds === (crossing.way !== 'down') ? 'above' : 'below';
    return { look: 'armed', word: `armed, ${side}`, why: `The price is ${side} the level; every trade is judged.` };
  }
  if (row.holds === true) return { look: 'holds', word: 'holds', why: 'Its condition holds now: it fires when it begins to hold again.' };
  if (row.holds === null) return { look: 'waits', word: 'waits', why: 'It waits for its first trade.' };
  return { look: 'armed', word: 'armed', why: 'Every trade is judged.' };
}

function windowed(condition: Condition): boolean {
  if (condition.type === 'all_of' || condition.type === 'any_of') return condition.parts.some(windowed);
  return condition.type === 'price_moves' || condition.type === 'volume_is';
}

export function times(count: number): string {
  return count === 1 ? 'once' : count === 0 ? 'never' : `${count} times`;
}

/** The desk's words without their time in UTC, where the time stands beside them in the reader's zone. */
export function withoutTime(text: string): string {
  return text.replace(/ at (?:\d{4}-\d{2}-\d{2} )?\d{2}:\d{2}:\d{2}(?:\.\d+)? UTC/, '');
}

/** What is to be known of how an alert came; empty where it came as it should. */
export function doubts(row: Pick<Notification, 'late' | 'after_gap' | 'state'>): string[] {
  return [
    ...(row.late ? ['late: found after the fact'] : []),
    ...(row.after_gap ? ['trades right before it are missing'] : []),
    ...(row.state === 'incomplete' ? ['it stands on incomplete data'] : row.state === 'healed' ? ['healed from history'] : row.state === 'unverified' ? ['the venue gives no proof of completeness'] : []),
  ];
}

/** The look of coverage that an alert's figures get. */
export function doubtLook(row: Pick<Notification, 'after_gap' | 'state'>): string {
  if (row.after_gap || row.state === 'incomplete' || row.state === 'unknown') return 'cov-incomplete';
  return row.state === 'healed' ? 'cov-healed' : '';
}

export function deliveryWords(row: Delivery): string {
  const tries = row.attempts > 1 ? ` after ${row.attempts} attempts` : '';
  const together = row.together > 1 ? `, one message for ${row.together}` : '';
  const instead = row.instead_of ? `, instead of ${row.instead_of}` : '';
  switch (row.state) {
    case 'sent':
      return `sent${tries}${together}${instead}`;
    case 'waiting':
      return row.attempts > 0 ? `tried ${times(row.attempts)}, is tried again${row.error ? `: ${row.error}` : ''}${instead}` : `on its way${instead}`;
    case 'held':
      return `held until the quiet hours are over${instead}`;
    case 'off':
      return 'off on this source';
    case 'dead':
      return `not sent${tries}${row.error ? `: ${row.error}` : ''}${instead}`;
  }
}

export function channelWords(channel: Pick<Channel, 'off' | 'ready' | 'why'>): string {
  if (!channel.ready) return channel.why || 'not ready';
  return channel.off ? 'off on this source' : 'ready';
}

export const SEVERITIES: readonly Severity[] = ['info', 'warning', 'critical'];

/** What a rehearsal found, in one line. */
export function rehearsalWords(found: Rehearsal): string {
  const least = found.over === 'bars' ? 'at least ' : '';
  if (found.fired.length === 0) return found.over === 'bars' ? 'Bars show no moment at which it would have told.' : 'It would have told nothing.';
  const grouped = found.clusters < found.fired.length ? `, in ${plural(found.clusters, 'cluster')}` : '';
  const rate = found.per_day === null ? '' : `: ${least}${rateText(found.per_day)} a day`;
  return `It would have told ${least}${times(found.fired.length)}${grouped}${rate}.`;
}

/** That less could be had than was asked for; null where it is below a part in a hundred. */
export function reachWords(found: Rehearsal): string | null {
  if (found.asked_from === null) return null;
  const late = found.start - found.asked_from;
  return 100 * late > found.end - found.asked_from ? `What could be had begins ${duration(late / 1000)} later than asked for.` : null;
}

export function rateText(perDay: number): string {
  return perDay >= 10 ? String(Math.round(perDay)) : String(Number(perDay.toFixed(perDay >= 1 ? 1 : 2)));
}

const SWALLOWED: Record<string, string> = {
  cooling: 'by the cooldown',
  same_bar: 'in a bar that had told',
  doubted: 'on incomplete data',
  already: 'already true when armed',
};

export function swallowedWords(swallowed: Record<string, number>): string[] {
  return Object.entries(swallowed).filter(([, count]) => count > 0).map(([outcome, count]) => `${count} swallowed ${SWALLOWED[outcome] ?? outcome}`);
}

/** What a level is for people who hear it. */
export function roleWords(role: string): string {
  return { level: 'level', rearm: 'again', low: 'lower edge', high: 'upper edge' }[role] ?? role;
}

/** What a refusal says: of which control, of which condition, and the rest of its words. */
export interface Refused {
  /** Null where it names none. */
  part: string | null;
  place: number | null;
  words: string;
}

/** `condition.parts[1].level: expected a number above 0, found -3.0`: the desk names the field before its words. */
export function refusedPart(message: string): Refused {
  const found = /^(?:rule \d+ of \d+: )?([a-z_]+(?:[.[\]][a-z_0-9]*)*): /.exec(message);
  const path = found?.[1] ?? '';
  const named = path.split('.').at(-1)?.replace(/\[\d+\]$/, '') ?? '';
  const place = /parts\[(\d+)\]/.exec(path);
  if (found === null || !Object.hasOwn(PARTS, named)) return { part: null, place: null, words: message };
  return { part: PARTS[named] ?? null, place: place ? Number(place[1]) : null, words: message.slice(found[0].length) };
}

const PARTS: Record<string, string> = {
  level: 'level', again: 'rearm', rearm: 'rearm', low: 'level', high: 'level', channel: 'level', margin: 'level', percent: 'level', window: 'window', window_ns: 'window',
  quantity: 'level', basis_points: 'level', confidence: 'level', indicator: 'indicator', other: 'indicator', part: 'indicator', interval: 'indicator', way: 'kind', type: 'kind',
  parts: 'kind', condition: 'kind', hold: 'hold', hold_ns: 'hold', cooldown: 'cooldown', cooldown_ns: 'cooldown', bar: 'repeat', repeat: 'repeat', expires: 'expires', note: 'note',
  channels: 'channels', via: 'channels', quiet: 'quiet', zone: 'quiet', instrument: 'instrument', symbol: 'instrument', severity: 'severity', doubt: 'doubt',
};

export function isPrice(leaf: Leaf): leaf is Extract<Leaf, { type: 'price_is' | 'price_crosses' | 'price_channel' }> {
  return leaf.type === 'price_is' || leaf.type === 'price_crosses' || leaf.type === 'price_channel';
}

/** A sentence without the venue of pairs that are followed at one venue only: for reading, not for the desk. */
export function shortSentence(sentence: string, followed: readonly string[]): string {
  return sentence.replace(/(\S+)@[a-z0-9_-]+/g, (whole, pair: string) => (followed.filter((name) => name.startsWith(`${pair}@`)).length === 1 ? pair : whole));
}

/** How many may be armed, and are. */
export function limitWords(limits: Limits): string {
  const signals = limits.signal_rules_armed > 0 ? `, ${limits.signal_rules_armed} of ${limits.signal_rules} of signals` : '';
  return `${limits.price_rules_armed} of ${limits.price_rules} price rules armed${signals}`;
}
