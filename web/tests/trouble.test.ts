import { describe, expect, it } from 'vitest';
import type { Health, InstrumentHealth, VenueHealth } from '../src/lib/protocol';
import { plainReason, troubleOf, whyOld } from '../src/lib/trouble';

const OPEN = { state: 'open', attempt: 0, retryAt: null, lastFrameAt: 0, since: 0, wireErrors: 0, holes: 0 } as const;
const REFUSED = "could not connect to 127.0.0.1:9: ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', 9)";

function health(venue: Partial<VenueHealth> | null, row: Partial<InstrumentHealth> | null, change: Partial<Health> = {}): Health {
  return {
    status: 'down', version: '1', source: 'live', tape: null, simulation: null, now: 0, state_hash: null, notices: [],
    venues: venue ? { binance: { status: 'connecting', message: '', attempts: 0, messages: 0, ...venue } as VenueHealth } : {},
    instruments: row ? { x: { status: 'waiting', message: '', symbol: 'X', venue: 'binance', ...row } as InstrumentHealth } : {},
    ...change,
  };
}

const about = (found: Health) => troubleOf(OPEN, found, Object.keys(found.instruments), 'x', 0);

describe('a connection that fails', () => {
  it.each([
    [REFUSED, '127.0.0.1:9 refuses connections.'],
    ['reconnecting: could not connect to stream.example.com:443: gaierror: [Errno -2] Name or service not known', 'stream.example.com:443 cannot be found: this machine is offline, or its name service does not know that host.'],
    ['could not connect to a.example:443: OSError: [Errno 101] Network is unreachable', 'There is no way to a.example:443: this machine may be offline.'],
    ['could not connect to a.example:443: SSLCertVerificationError: certificate verify failed', 'a.example:443 showed a certificate that this machine does not trust.'],
    ['expected an open connection to a.example:443 within 10 s, found none', 'a.example:443 did not answer within 10 s.'],
    ['binance does not serve your place (HTTP 451)', 'Binance does not serve your place (HTTP 451)'],
    ['expected HTTP 101 from a.example:443, found 502', 'a.example:443 answered HTTP 502 instead of opening a stream.'],
    ['nothing heard for 60 s, our ping not answered', 'Nothing heard for 60 s, our ping not answered.'],
    ['', ''],
  ])('%s', (message, words) => {
    expect(plainReason(message)).toBe(words);
    expect(plainReason(message)).not.toMatch(/Errno|Error:/);
  });
});

describe('why nothing comes', () => {
  it('says what failed, what is tried and what to do', () => {
    const found = about(health({ status: 'failing', message: REFUSED, attempts: 5 }, { message: `connecting: ${REFUSED}` }));
    expect(found).toMatchObject({ tone: 'error', title: 'Binance cannot be reached' });
    expect(found?.lines).toEqual(['127.0.0.1:9 refuses connections.', 'Trying again, 5 attempts so far.', '`bethna doctor` tells which hosts answer.']);
  });

  it('tells a ban in the desk’s words, and not that the venue cannot be reached', () => {
    const found = about(health({ status: 'failing', message: 'binance bans this address until 12:00:00 UTC', banned_until: 1 }, { message: 'connecting: x' }));
    expect(found?.title).toBe('Binance answers no requests for now');
  });

  it('blames no venue for a first connection, nor for an instrument that is subscribed and waits', () => {
    expect(about(health({}, {}))).toMatchObject({ tone: 'calm', title: 'Connecting to Binance' });
    expect(about(health({ status: 'ok' }, { message: 'subscribing' }))).toBeNull();
    expect(about(health({ status: 'reconnecting', message: 'x' }, { message: 'subscribing' }))).toBeNull();
  });

  it('tells a refusal in the venue’s words, whatever else is wrong', () => {
    const found = about(health({ status: 'failing', message: REFUSED }, { status: 'refused', message: 'Binance refused X: unknown symbol. Nearest: Y.' }));
    expect(found).toMatchObject({ title: 'X is refused' });
    expect(found?.lines[0]).toBe('Binance refused X: unknown symbol. Nearest: Y.');
  });

  it('looks at the desk before the venue', () => {
    const lost = { ...OPEN, state: 'waiting', attempt: 2, retryAt: 3000 } as const;
    const found = troubleOf(lost, health({ status: 'failing', message: REFUSED }, {}), ['x'], 'x', 0);
    expect(found).toMatchObject({ title: 'The desk does not answer' });
    expect(found?.lines[0]).toBe('Trying again in 3 s, 2 attempts so far.');
  });

  it('helps with an empty watchlist', () => {
    expect(about(health({ message: 'nothing is subscribed' }, null))).toMatchObject({ title: 'Connecting to Binance' });
    const unread = about(health(null, null, { notices: ["'???' is not an instrument"] }));
    expect(unread?.lines).toEqual(["'???' is not an instrument.", 'Start the desk with an instrument: `bethna up --symbol BTC-USDT`']);
    expect(about(health({ status: 'ok' }, null))).toMatchObject({ tone: 'calm', title: 'Nothing followed yet' });
  });
});

it('says beside an age why it grows', () => {
  const away = health({ status: 'reconnecting', message: REFUSED, messages: 9 }, { status: 'stale', message: `reconnecting: ${REFUSED}` });
  expect(whyOld(true, away, 'x')).toBe('connection to Binance lost, trying again');
  expect(whyOld(false, away, 'x')).toBe('this page cannot hear the desk');
  expect(whyOld(true, health({ status: 'ok' }, { status: 'stale', message: 'no Trade for longer than 30 s' }), 'x')).toBe('no Trade for longer than 30 s');
  expect(whyOld(true, health({ status: 'ok' }, { status: 'live' }), 'x')).toBe('');
});
