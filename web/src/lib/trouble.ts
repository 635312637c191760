/**
 * Why nothing comes, for people: what failed, what is being tried, what you can do.
 *
 * Rules:
 * 1. A refusal of the venue is told in its own words; nothing is tried any more.
 * 2. The desk itself is looked at before the venue: a page that cannot hear the desk knows nothing of the venue.
 * 3. A venue that has not failed yet is only connecting, and that is no trouble.
 * 4. An instrument that is subscribed and waits has no trouble: its panels say what they are for.
 */
import type { LinkStatus } from './feed/inbox';
import { venueName } from './format';
import type { Health, InstrumentHealth, VenueHealth } from './protocol';
import { duration } from './time';

export interface Trouble {
  tone: 'calm' | 'warn' | 'error';
  title: string;
  /** Sentences, one a line; `backticks` around what can be typed. */
  lines: string[];
  /** The words of the machine, for a tooltip. */
  raw: string;
}

const NO_VENUE_MESSAGE = ['', 'nothing is subscribed'];

/** An instrument whose connection does not stand says why after this. */
const BROKEN = /^(?:re)?connecting: /;

/** Causes as the desk's sockets word them, and what they mean. `$1` is the host. */
const CAUSES: [RegExp, string][] = [
  [/could not connect to (\S+): .*(?:ConnectionRefused|Errno (?:111|61)\b|WinError 1225)/, '$1 refuses connections.'],
  [/could not connect to (\S+): .*(?:gaierror|getaddrinfo|Name or service)/, '$1 cannot be found: this machine is offline, or its name service does not know that host.'],
  [/could not connect to (\S+): .*(?:unreachable|Errno (?:101|113)\b)/i, 'There is no way to $1: this machine may be offline.'],
  [/could not connect to (\S+): .*(?:SSL|certificate)/i, '$1 showed a certificate that this machine does not trust.'],
  [/could not connect to (\S+): .*reset/i, '$1 ended the connection at once.'],
  [/could not connect to (\S+):/, '$1 cannot be connected to.'],
  [/expected an open connection to (\S+) within (\S+) s/, '$1 did not answer within $2 s.'],
  [/expected HTTP 101 from (\S+), found (\d+)/, '$1 answered HTTP $2 instead of opening a stream.'],
  [/(\S+) refused the connection with HTTP (\d+)/, '$1 asks for fewer connections (HTTP $2).'],
  [/(\S+) ended the connection before it answered/, '$1 ended the connection before it answered.'],
];

/** What the desk says of a connection, as a sentence without exception names. */
export function plainReason(message: string): string {
  const said = message.replace(BROKEN, '').trim();
  for (const [cause, words] of CAUSES) {
    const found = cause.exec(said);
    if (found) return words.replace('$1', found[1] ?? '').replace('$2', found[2] ?? '');
  }
  return said === '' ? '' : sentence(said);
}

function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?)]$/.test(whole) ? whole : `${whole}.`;
}

function isFailing(venue: VenueHealth): boolean {
  if (venue.status === 'reconnecting' || venue.status === 'failing') return true;
  return venue.status === 'connecting' && !NO_VENUE_MESSAGE.includes(venue.message); // rule 3
}

function attempts(venue: VenueHealth): string {
  const count = `${venue.attempts} ${venue.attempts === 1 ? 'attempt' : 'attempts'}`;
  return venue.messages === 0 ? `Trying again, ${count} so far.` : `Trying again, ${count} since the desk started.`;
}

/**
 * What is wrong with a venue's connections; null when they stand or are only being made for the first time.
 * `message` is the desk's reason: the venue's, or that of the one connection asked about.
 */
export function venueTrouble(name: string, venue: VenueHealth, message = venue.message): Trouble | null {
  if (!isFailing(venue)) return null;
  return {
    tone: venue.status === 'failing' ? 'error' : 'warn',
    title: venue.banned_until
      ? `${venueName(name)} answers no requests for now`
      : venue.status === 'reconnecting' ? `Connection to ${venueName(name)} lost` : `${venueName(name)} cannot be reached`,
    lines: venue.banned_until
      ? [plainReason(message)]
      : [plainReason(message), attempts(venue), '`bethna doctor` tells which hosts answer.'].filter(Boolean),
    raw: message,
  };
}

/** What is wrong between this page and its desk. */
export function linkTrouble(link: LinkStatus, wall: number): Trouble | null {
  if (link.state === 'open' || link.state === 'silent') return null;
  if (link.attempt === 0 && link.state === 'connecting') return null;
  const left = link.retryAt === null ? 0 : Math.ceil((link.retryAt - wall) / 1000);
  const tries = `${link.attempt} ${link.attempt === 1 ? 'attempt' : 'attempts'} so far`;
  return {
    tone: 'error',
    title: 'The desk does not answer',
    lines: [left > 0 ? `Trying again in ${duration(left * 1000)}, ${tries}.` : `Trying again, ${tries}.`, 'Check that it runs, or start it with `bethna up`.'],
    raw: '',
  };
}

export function refusal(row: InstrumentHealth): Trouble {
  return {
    tone: 'warn',
    title: `${row.symbol} is refused`,
    lines: [row.message ? sentence(row.message) : `${venueName(row.venue)} refused it.`, 'Choose another one, or start the desk with the right name: `bethna up --symbol NAME`'],
    raw: '',
  };
}

const NO_INSTRUMENT: Trouble = {
  tone: 'calm',
  title: 'Nothing followed yet',
  lines: ['Start the desk with an instrument: `bethna up --symbol BTC-USDT`'],
  raw: '',
};

function withoutInstruments(health: Health): Trouble {
  const venues = Object.entries(health.venues);
  for (const [name, venue] of venues) {
    const found = venueTrouble(name, venue);
    if (found) return found;
  }
  const [first] = venues.filter(([, venue]) => venue.status === 'connecting');
  if (first) return connecting(first[0]);
  if (health.source === 'tape' && health.tape?.ended === false) {
    return { tone: 'calm', title: 'The recording starts', lines: ['Its instruments appear as they come.'], raw: '' };
  }
  return health.notices.length === 0 ? NO_INSTRUMENT : { ...NO_INSTRUMENT, tone: 'warn', lines: [...health.notices.map(sentence), ...NO_INSTRUMENT.lines] };
}

function connecting(venue: string): Trouble {
  return { tone: 'calm', title: `Connecting to ${venueName(venue)}`, lines: ['Numbers appear as soon as it answers.'], raw: '' };
}

function instrumentTrouble(row: InstrumentHealth, health: Health): Trouble | null {
  if (row.status === 'refused') return refusal(row); // rule 1
  const venue = health.venues[row.venue];
  if (!venue) return null;
  const broken = BROKEN.test(row.message);
  const found = broken || row.status === 'stale' ? venueTrouble(row.venue, venue, broken ? row.message : venue.message) : null;
  if (found) return found;
  return venue.status === 'connecting' && !isFailing(venue) ? connecting(row.venue) : null; // rules 3, 4
}

/** Why nothing comes for an instrument (null: for the desk as a whole), or null when something does or may. */
export function troubleOf(link: LinkStatus, health: Health | null, followed: readonly string[] | null, instrument: string | null, wall: number): Trouble | null {
  const own = linkTrouble(link, wall);
  if (own || health === null) return own; // rule 2
  if (followed?.length === 0) return withoutInstruments(health);
  const row = instrument === null ? undefined : health.instruments[instrument];
  return row ? instrumentTrouble(row, health) : null;
}

/** Why an old figure is old, in one line beside its age; empty when nobody knows more than that nothing came. */
export function whyOld(up: boolean, health: Health | null, instrument: string): string {
  if (!up) return 'this page cannot hear the desk';
  const row = health?.instruments[instrument];
  if (!row || row.status !== 'stale') return '';
  const venue = health?.venues[row.venue];
  if (venue && BROKEN.test(row.message) && isFailing(venue)) {
    return venue.status === 'reconnecting' ? `connection to ${venueName(row.venue)} lost, trying again` : `${venueName(row.venue)} cannot be reached, trying again`;
  }
  return BROKEN.test(row.message) ? '' : row.message;
}
