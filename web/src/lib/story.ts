/** A number's story as lines that a person reads and copies; it asks nobody and draws nothing. */
import { read, type Proof } from './coverage';
import { formatChange, formatFixed, formatPrice, isNumber, MISSING } from './format';
import type { Figure, Micros, StoryAnswer } from './protocol';
import { clockTimeMs, day, span, zoneAt } from './time';

export const TITLES: Record<Figure, string> = {
  price: 'Last price',
  bid: 'Best bid',
  ask: 'Best ask',
  spread: 'Spread',
  change_24h: '24 h change',
  book: 'Order book',
  trades: 'Trades',
  candle: 'Candle',
};

/** What would prove a figure whose trades have numbers: a quiet candle waits for a trade, and a change is the venue's word. */
export const PROOFS: Partial<Record<Figure, Proof>> = { candle: 'quiet', change_24h: 'word' };

/** 2024-08-09 14:02:11.123 UTC */
export function instant(micros: Micros | null): string {
  return micros === null ? MISSING : `${day(micros)} ${clockTimeMs(micros)} ${zoneAt(micros)}`;
}

export interface StoryLine {
  title: string;
  text: string;
  /** Counts on while it is looked at. */
  counts?: boolean;
}

export function valueWords(story: StoryAnswer, decimals: number): string {
  if (!isNumber(story.value)) return MISSING;
  if (story.figure === 'change_24h') return formatChange(story.value);
  if (story.figure === 'trades' || story.figure === 'book') return `${formatPrice(story.value, 0)}${story.unit ? ` ${story.unit}` : ''}`;
  const number = story.figure === 'spread' ? formatFixed(story.value, decimals) : formatPrice(story.value, decimals);
  return story.unit ? `${number} ${story.unit}` : number;
}

/** What stands in the card above its inputs. `ageMs` is the age by now. */
export function storyLines(story: StoryAnswer, decimals: number, ageMs: number | null): StoryLine[] {
  return [
    { title: 'Value', text: valueWords(story, decimals) },
    { title: 'Source', text: story.source },
    { title: 'At the venue', text: instant(story.ts_event) },
    { title: 'Received', text: instant(story.ts_recv) },
    { title: 'Age', text: ageMs === null ? MISSING : span(ageMs), counts: true },
    { title: 'Coverage', text: read(story.coverage, { proof: PROOFS[story.figure], missing: story.value === null && story.coverage.state === 'unknown', whyMissing: 'nothing is known yet' }).words },
    { title: 'How', text: story.how },
  ];
}

export function inputWords(input: StoryAnswer['inputs'][number]): string {
  const when = input.ts_event ?? input.ts_recv;
  return [input.value, input.id === null ? null : `id ${input.id}`, when === null ? null : instant(when)].filter((part) => part !== null && part !== '').join(', ');
}

/** Plain text for a note or a message, with the instrument and what was asked. */
export function storyText(story: StoryAnswer, decimals: number, ageMs: number | null): string {
  const lines = storyLines(story, decimals, ageMs).map(({ title, text }) => `${title}: ${text.replaceAll('\n', '; ')}`);
  const inputs = story.inputs.map((input) => `Input: ${input.what} ${inputWords(input)}`.trimEnd());
  return [`${TITLES[story.figure]} of ${story.instrument}`, ...lines, ...inputs].join('\n');
}
