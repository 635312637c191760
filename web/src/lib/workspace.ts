/**
 * A workspace: all that a user chose of how the page looks; as kept text, and as a link that can be sent.
 *
 * Rules:
 * 1. Every part is read by itself: a part that is not understood falls back to what was there, is named once, and takes
 *    no other with it.
 * 2. A link of another version is not guessed at: nothing of it is applied.
 * 3. What is said to the reader quotes at most QUOTED characters of what was found.
 */
import { INTERVALS, type Interval } from './protocol';
import { resolveBare } from './pairs';
import type { Grouping } from './shown.svelte';
import { isZone } from './zone';

export const VERSION = 1;
const QUOTED = 40;

export const THEMES = ['dark', 'light', 'system'] as const;
export const PALETTES = ['classic', 'blue-orange'] as const;
export const GROUPINGS = ['comma', 'space', 'none'] as const satisfies readonly Grouping[];
export const DECKS = ['book', 'health', 'events', 'alerts'] as const;

export type Theme = (typeof THEMES)[number];
export type Palette = (typeof PALETTES)[number];
export type Deck = (typeof DECKS)[number];

/** Pixels of the columns and of the ladder; the chart's share of the centre in percent, wide and upright screens apart. */
export interface Sizes {
  left: number;
  right: number;
  book: number;
  chart: number;
  upright: number;
}

interface Room {
  least: number;
  most: number;
  usual: number;
}

export const ROOMS: Record<keyof Sizes, Room> = {
  left: { least: 200, most: 480, usual: 288 },
  right: { least: 260, most: 520, usual: 320 },
  book: { least: 160, most: 900, usual: 506 },
  chart: { least: 25, most: 85, usual: 63 },
  upright: { least: 25, most: 75, usual: 44 },
};

export interface Workspace {
  instrument: string | null;
  interval: Interval;
  deck: Deck;
  theme: Theme;
  palette: Palette;
  /** Up in the colour of down, as East Asia has it. */
  swap: boolean;
  zone: string;
  grouping: Grouping;
  /** Where a pair without a venue opens; null is where the desk has it first. */
  venue: string | null;
  sizes: Sizes;
}

const PARTS = Object.keys(ROOMS) as (keyof Sizes)[];

/** What is told of a link that was opened; `followed` is null while nobody knows what the desk follows. */
export function linkWords(instrument: string | null, followed: readonly string[] | null): string {
  if (instrument === null || followed === null || resolveBare(instrument, followed, null) !== null) return 'The workspace of the link is in use.';
  return `The workspace of the link is in use, but ${instrument.replace('@', ' on ')} is not followed by this desk.`;
}

export function usualSizes(): Sizes {
  return Object.fromEntries(PARTS.map((part) => [part, ROOMS[part].usual])) as unknown as Sizes;
}

export const USUAL: Workspace = {
  instrument: null,
  interval: '1m',
  deck: 'book',
  theme: 'system',
  palette: 'classic',
  swap: false,
  zone: 'UTC',
  grouping: 'comma',
  venue: null,
  sizes: usualSizes(),
};

export function fitted(part: keyof Sizes, value: number): number {
  const room = ROOMS[part];
  return Math.round(Math.min(room.most, Math.max(room.least, value)));
}

type Test = (found: unknown) => boolean;
const oneOf = (list: readonly string[]): Test => (found) => list.includes(found as string);
/** BTC-USDT@binance and what else a venue may call its symbols; it is only ever compared with the desk's list. */
const isInstrument: Test = (found) => found === null || (typeof found === 'string' && /^\S{1,64}$/.test(found));
const isVenue: Test = (found) => found === null || (typeof found === 'string' && /^[a-z0-9_-]{1,32}$/.test(found));

type Plain = Exclude<keyof Workspace, 'sizes'>;

const TESTS: Record<Plain, { test: Test; words: string }> = {
  instrument: { test: isInstrument, words: 'instrument' },
  interval: { test: oneOf(INTERVALS), words: 'interval' },
  deck: { test: oneOf(DECKS), words: 'tab' },
  theme: { test: oneOf(THEMES), words: 'theme' },
  palette: { test: oneOf(PALETTES), words: 'palette' },
  swap: { test: (found) => typeof found === 'boolean', words: 'swap of up and down' },
  zone: { test: (found) => typeof found === 'string' && isZone(found), words: 'time zone' },
  grouping: { test: oneOf(GROUPINGS), words: 'grouping of numbers' },
  venue: { test: isVenue, words: 'venue' },
};

export interface Reading {
  workspace: Workspace;
  /** What was not understood, a sentence each. */
  complaints: string[];
}

function quote(found: unknown): string {
  const text = typeof found === 'string' ? found : (JSON.stringify(found) ?? String(found));
  return text.length > QUOTED ? `${text.slice(0, QUOTED)}…` : text; // rule 3
}

function readSizes(found: unknown, before: Sizes, complaints: string[]): Sizes {
  if (found === undefined) return before;
  if (typeof found !== 'object' || found === null || Array.isArray(found)) {
    complaints.push(`The sizes of the panels cannot be read: ${quote(found)}.`);
    return before;
  }
  const sizes = { ...before };
  for (const part of PARTS) {
    const value = (found as Record<string, unknown>)[part];
    if (value === undefined) continue;
    if (typeof value === 'number' && Number.isFinite(value)) sizes[part] = fitted(part, value);
    else complaints.push(`The size of a panel cannot be read: ${quote(value)}.`);
  }
  return sizes;
}

/** Rule 1. Parts that are not there stay as they were, without a word. */
export function readParts(found: Record<string, unknown>, before: Workspace): Reading {
  const complaints: string[] = [];
  const workspace: Workspace = { ...before };
  for (const [part, { test, words }] of Object.entries(TESTS) as [Plain, { test: Test; words: string }][]) {
    const value = found[part];
    if (value === undefined) continue;
    if (test(value)) Object.assign(workspace, { [part]: value });
    else complaints.push(`This page knows no ${words} “${quote(value)}”; “${quote(before[part] ?? 'none')}” stays.`);
  }
  workspace.sizes = readSizes(found['sizes'], before.sizes, complaints);
  return { workspace, complaints };
}

/** Kept text is this browser's own: damage costs what is damaged. */
export function readKept(text: string | null): Reading & { rest: Record<string, unknown> } {
  if (text === null) return { workspace: USUAL, complaints: [], rest: {} };
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    found = undefined;
  }
  if (typeof found !== 'object' || found === null || Array.isArray(found)) {
    return { workspace: USUAL, complaints: ['The settings kept in this browser cannot be read; the usual ones are used.'], rest: {} };
  }
  const rest = found as Record<string, unknown>;
  return { ...readParts(rest, USUAL), rest };
}

// ---------------------------------------------------------------------------------------------------------- links

/** The letter of each part in a link; sizes are `l`, in the order of ROOMS. */
const LETTERS: Record<Plain, string> = { instrument: 's', interval: 'i', deck: 'd', theme: 't', palette: 'p', swap: 'x', zone: 'z', grouping: 'g', venue: 'v' };

const escape = (text: string): string => encodeURIComponent(text).replaceAll('%40', '@').replaceAll('%2F', '/');

/** `w=1;s=BTC-USDT@binance;i=5m;...`: what follows the `#` of a link. */
export function workspaceHash(workspace: Workspace): string {
  const plain = (Object.entries(LETTERS) as [Plain, string][])
    .filter(([part]) => workspace[part] !== null)
    .map(([part, letter]) => `${letter}=${escape(part === 'swap' ? (workspace.swap ? '1' : '0') : String(workspace[part]))}`);
  return [`w=${VERSION}`, ...plain, `l=${PARTS.map((part) => workspace.sizes[part]).join('.')}`].join(';');
}

export type Opened = { kind: 'none' } | { kind: 'refused'; why: string } | ({ kind: 'workspace' } & Reading);

function unescape(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function partsOfLink(pairs: Map<string, string>): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [part, letter] of Object.entries(LETTERS)) {
    const text = pairs.get(letter);
    if (text === undefined) continue;
    found[part] = part === 'swap' && (text === '0' || text === '1') ? text === '1' : text;
  }
  const sizes = pairs.get('l');
  if (sizes !== undefined) {
    const values = sizes.split('.');
    found['sizes'] = values.length === PARTS.length ? Object.fromEntries(PARTS.map((part, i) => [part, /^\d{1,5}$/.test(values[i] ?? '') ? Number(values[i]) : values[i]])) : sizes;
  }
  return found;
}

/** Reads what follows the `#` of an address. `before`: what is there and stays where the link says nothing. */
export function openHash(hash: string, before: Workspace): Opened {
  const text = hash.replace(/^#/, '');
  if (!/^w=/.test(text)) return { kind: 'none' };
  const pairs = new Map<string, string>();
  for (const pair of text.split(';')) {
    const at = pair.indexOf('=');
    if (at > 0) pairs.set(pair.slice(0, at), unescape(pair.slice(at + 1)));
  }
  const version = pairs.get('w') ?? '';
  if (version !== String(VERSION)) {
    return { kind: 'refused', why: `The link holds a workspace of version “${quote(version)}”, this page reads version ${VERSION}: nothing was changed.` }; // rule 2
  }
  return { kind: 'workspace', ...readParts(partsOfLink(pairs), before) };
}
