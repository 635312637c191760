/** What the badge and the pill say: the source without doubt, and the worst thing that is true now. */
import type { LinkStatus } from './feed/inbox';
import { venueName } from './format';
import type { Health, InstrumentHealth, VenueHealth } from './protocol';
import { dayTime, duration } from './time';

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
}

export function badgeOf(health: Health | null, syntheticSeen: boolean): Badge {
  if (syntheticSeen || health?.source === 'twin') {
    return { kind: 'simulated', text: 'SIMULATED', detail: 'A simulated market. No price here was ever traded.' };
  }
  if (health === null) return { kind: 'none', text: 'NO SOURCE', detail: 'The desk has not said yet where its data comes from.' };
  if (health.source === 'live') return { kind: 'live', text: 'LIVE', detail: 'Prices come from the venues now.' };
  const tape = health.tape;
  if (tape?.ended) {
    const damage = tape.damage ? ` It is damaged: ${tape.damage}` : '';
    return { kind: 'ended', text: 'TAPE ENDED', detail: `Recording ${tape.name}, at its last state.${damage}` };
  }
  const speed = tape === null ? '' : tape.speed === null ? ' max' : ` x${tape.speed}`;
  const at = tape?.position == null ? '' : ` ${dayTime(tape.position)} UTC`;
  return { kind: 'tape', text: `TAPE${speed}${at}`, detail: `Recording ${tape?.name ?? 'of unknown name'}. These prices are of the past.` };
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
  const detail = venue.message || `${venue.attempts} attempts, ${venue.reconnects} reconnects`;
  switch (venue.status) {
    case 'failing':
      return { level: 'error', text: `${venueName(name)} failing`, detail };
    case 'reconnecting':
      return { level: 'warn', text: `${venueName(name)} reconnecting`, detail };
    case 'connecting':
      return { level: 'busy', text: `${venueName(name)} connecting`, detail };
    default:
      return null;
  }
}

function instrumentPill(row: InstrumentHealth): Pill | null {
  switch (row.status) {
    case 'refused':
      return { level: 'warn', text: `${row.symbol} refused`, detail: row.message };
    case 'stale':
      return { level: 'warn', text: `${row.symbol} stale`, detail: row.message || 'Nothing has arrived for longer than usual.' };
    case 'waiting':
      return { level: 'busy', text: `${row.symbol} waiting`, detail: row.message || 'No data yet.' };
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
  if (health.status === 'down') {
    const why = troubles[0]?.detail ?? 'The desk reports that no venue delivers.';
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
