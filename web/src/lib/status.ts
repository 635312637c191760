/** What the badge and the pill say: the source without doubt, and the worst thing that is true now. */
import type { LinkStatus } from './feed/inbox';
import { MISSING, venueName } from './format';
import type { Health, InstrumentHealth, TapeState, VenueHealth } from './protocol';
import { clockTime, dayTime, dayTimeZone, duration, zoneAt } from './time';
import { plainReason, venueTrouble } from './trouble';
import { doubtOf } from './venues';

export type Level = 'ok' | 'busy' | 'warn' | 'error' | 'ended';

export interface Pill {
  level: Level;
  text: string;
  detail: string;
}

export interface Badge {
  kind: 'live' | 'tape' | 'ended' | 'simulated' | 'none';
  text: string;
  detail: string;
  /** Nothing is delivered now: the source keeps its name and loses its colour. */
  quiet: boolean;
  /** 0..1 of a tape, null where there is no end to come. */
  progress: number | null;
}

/** Why a live source delivers nothing, or empty while something comes. */
function silence(health: Health, up: boolean): string {
  if (!up) return 'This page cannot hear the desk.';
  const rows = Object.values(health.instruments);
  if (rows.some((row) => row.status === 'live' || row.status === 'ended')) return '';
  const found = Object.entries(health.venues).map(([name, venue]) => venueTrouble(name, venue)).find((trouble) => trouble !== null);
  if (found) return `${found.title}. ${found.lines[0]}`;
  return rows.length === 0 ? 'No instrument is followed.' : 'No instrument has fresh data.';
}

/** Another source under the same address: nothing that is on the page is true of it. */
export function isAnotherSource(before: Health | null, after: Health | null): boolean {
  return before !== null && after !== null && before.source !== after.source;
}

/** What there is to say of a simulated market, for people. */
export function simulationWords(health: Health | null): string {
  const found = health?.simulation;
  const seed = found?.seed == null ? '' : `, seed ${found.seed}`;
  const why = found?.reason ? `\nWhy: ${found.reason}.` : '';
  return `A simulated market${seed}. No price here was ever traded.${why}`;
}

function progressOf(tape: TapeState): number | null {
  const { start, end, position } = tape;
  if (start === null || end === null || position === null || end <= start) return null;
  return Math.min(1, Math.max(0, (position - start) / (end - start)));
}

export function badgeOf(health: Health | null, syntheticSeen: boolean, up = true): Badge {
  const rest = { quiet: !up, progress: null };
  if (syntheticSeen || health?.source === 'twin') {
    return { ...rest, kind: 'simulated', text: 'SIMULATED', detail: simulationWords(health) };
  }
  if (health === null) return { ...rest, kind: 'none', text: 'NO SOURCE', detail: 'The desk has not said yet where its data comes from.' };
  if (health.source === 'live') {
    const why = silence(health, up);
    return { ...rest, quiet: why !== '', kind: 'live', text: 'LIVE', detail: why ? `The live market, but nothing is delivered now.\n${why}` : 'Prices come from the venues now.' };
  }
  return health.tape === null
    ? { ...rest, kind: 'tape', text: 'TAPE', detail: 'A recording of unknown name. These prices are of the past.' }
    : tapeBadge(health.tape, rest.quiet);
}

function tapeBadge(tape: TapeState, quiet: boolean): Badge {
  const progress = progressOf(tape);
  const unheard = quiet ? '\nThis page cannot hear the desk.' : '';
  const span = tape.start === null || tape.end === null ? '' : `\n${dayTime(tape.start)} to ${dayTimeZone(tape.end)}`;
  if (tape.ended) {
    const damage = tape.damage ? ` It is damaged: ${tape.damage}` : '';
    return { kind: 'ended', text: tape.damage ? 'TAPE DAMAGED' : 'TAPE ENDED', detail: `Recording ${tape.name}, at its last state.${damage}${span}${unheard}`, quiet, progress: null };
  }
  const speed = tape.speed === null ? ' max' : ` x${tape.speed}`;
  const at = tape.position === null ? '' : ` ${dayTimeZone(tape.position)}`;
  const played = progress === null ? '' : `\n${Math.floor(progress * 100)} % played${timeLeft(tape)}`;
  const rounds = tape.loops === 0 ? '' : `, ${tape.loops} ${tape.loops === 1 ? 'round' : 'rounds'} before`;
  return { kind: 'tape', text: `TAPE${speed}${at}`, detail: `Recording ${tape.name}. These prices are of the past.${played}${rounds}${span}${unheard}`, quiet, progress };
}

export interface BarClock {
  text: string;
  zone: string;
  detail: string;
  /** The badge shows the same time: where room is scarce one of them is enough. */
  twice: boolean;
}

/** The time that the figures are of: the tape's own while there is one, this computer's otherwise. */
export function clockOf(health: Health | null, wall: Date): BarClock {
  const own = `Your time: ${wall.toLocaleTimeString()} ${Intl.DateTimeFormat().resolvedOptions().timeZone}`;
  if (health?.source !== 'tape') return { text: clockTime(wall.getTime() * 1000), zone: zoneAt(wall.getTime() * 1000), detail: own, twice: false };
  const at = health.tape?.position ?? null;
  const ended = health.tape?.ended === true;
  const text = at === null ? MISSING : ended ? dayTime(at) : clockTime(at);
  const detail = `The tape's time${at === null ? ' is not known yet' : `: ${dayTimeZone(at)}`}.\n${own}`;
  return { text, zone: `${at === null ? 'UTC' : zoneAt(at)} tape`, detail, twice: at !== null && !ended };
}

function timeLeft(tape: TapeState): string {
  if (tape.speed === null || tape.position === null || tape.end === null) return '';
  return `, ${duration((tape.end - tape.position) / 1000 / tape.speed)} left`;
}

export function linkIsUp(link: LinkStatus): boolean {
  return link.state === 'open';
}

function linkPill(link: LinkStatus, wall: number): Pill | null {
  const quiet = link.lastFrameAt === null ? '' : ` Last heard ${duration(wall - link.lastFrameAt)} ago.`;
  switch (link.state) {
    case 'open':
      return null;
    case 'silent':
      return { level: 'warn', text: `Desk silent ${duration(wall - (link.lastFrameAt ?? link.since))}`, detail: 'The connection is open but nothing arrives. The page asks once more, then connects anew.' };
    case 'connecting':
      return link.attempt === 0
        ? { level: 'busy', text: 'Connecting', detail: 'Connecting to the desk.' }
        : { level: 'error', text: `Reconnecting, try ${link.attempt + 1}`, detail: `The desk does not answer.${quiet}` };
    case 'waiting': {
      const left = Math.max(0, Math.ceil(((link.retryAt ?? wall) - wall) / 1000));
      return { level: 'error', text: `Desk away, retry in ${left} s`, detail: `The desk does not answer; ${link.attempt} ${link.attempt === 1 ? 'try' : 'tries'} failed.${quiet} Check that bethna up is running.` };
    }
  }
}

function venuePill(name: string, venue: VenueHealth): Pill | null {
  const trouble = venueTrouble(name, venue);
  const detail = trouble?.lines.slice(0, 2).join(' ') ?? 'No answer yet.';
  switch (venue.status) {
    case 'failing':
      return { level: 'error', text: `${venueName(name)} failing`, detail };
    case 'reconnecting':
      return { level: 'warn', text: `${venueName(name)} reconnecting`, detail };
    case 'connecting':
      return { level: trouble ? 'warn' : 'busy', text: `${venueName(name)} connecting`, detail };
    default:
      return null;
  }
}

function instrumentPill(row: InstrumentHealth): Pill | null {
  switch (row.status) {
    case 'refused':
      return { level: 'warn', text: `${row.symbol} refused`, detail: row.message };
    case 'stale':
      return { level: 'warn', text: `${row.symbol} stale`, detail: plainReason(row.message) || 'Nothing has arrived for longer than usual.' };
    case 'waiting':
      return { level: 'busy', text: `${row.symbol} waiting`, detail: plainReason(row.message) || 'No data yet.' };
    case 'live':
      return row.message === '' ? null : { level: 'warn', text: doubtOf(row), detail: plainReason(row.message) };
    default:
      return null;
  }
}

const ORDER: Level[] = ['error', 'warn', 'busy'];

export function pillOf(link: LinkStatus, health: Health | null, wall: number): Pill {
  const own = linkPill(link, wall);
  if (own) return own;
  if (health === null) return { level: 'busy', text: 'Waiting for health', detail: 'Connected; the desk has not reported yet.' };
  const rows = Object.values(health.instruments);
  const troubles = [
    ...Object.entries(health.venues).map(([name, venue]) => venuePill(name, venue)),
    ...rows.map(instrumentPill),
  ].filter((pill) => pill !== null);
  const starting = troubles.length > 0 && troubles.every((pill) => pill.level === 'busy');
  if (health.status === 'down' && !starting) {
    const why = troubles[0]?.detail || health.notices.at(-1) || 'The desk reports that no venue delivers.';
    return { level: 'error', text: 'No venue delivers', detail: why };
  }
  for (const level of ORDER) {
    const found = troubles.filter((pill) => pill.level === level);
    const [first] = found;
    if (!first) continue;
    const more = troubles.length > 1 ? ` +${troubles.length - 1}` : '';
    return { ...first, text: first.text + more, detail: troubles.map((pill) => `${pill.text}: ${pill.detail}`).join('\n') };
  }
  if (rows.length > 0 && rows.every((row) => row.status === 'ended')) {
    return { level: 'ended', text: 'Ended', detail: 'The recording is over; the desk holds its last state.' };
  }
  if (health.status === 'degraded') return { level: 'warn', text: 'Degraded', detail: 'The desk reports trouble; see the events.' };
  return { level: 'ok', text: 'Connected', detail: `${rows.length} followed, all delivering.` };
}
