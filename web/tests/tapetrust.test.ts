import { describe, expect, it } from 'vitest';
import type { Gap, TapeItem } from '../src/lib/protocol';
import { TapeTrust } from '../src/lib/tapetrust';

function gap(change: Partial<Gap> = {}): Gap {
  return { stream: 'trades', first_id: '17', last_id: '19', start: 5, end: 9, reason: 'missing', healed: false, ...change };
}

function said(what: 'found' | 'healed' | 'marked', change: Partial<Gap> = {}): TapeItem {
  return { kind: 'gap', said: what, ...gap({ healed: what === 'healed', ...change }) };
}

function complete(): TapeTrust {
  const trust = new TapeTrust();
  trust.reset({ state: 'complete', gaps: [], sources: ['binance'] });
  return trust;
}

describe('the trades’ certificate', () => {
  it('follows a gap from found to its fate', () => {
    const trust = complete();
    trust.hear([said('found')]);
    expect(trust.coverage).toMatchObject({ state: 'incomplete', sources: ['binance'], gaps: [{ first_id: '17' }] });
    trust.hear([said('healed')]);
    expect(trust.coverage).toMatchObject({ state: 'healed', gaps: [{ healed: true }] });
    trust.hear([said('found', { first_id: '30', last_id: '31' })]);
    trust.hear([said('marked', { first_id: '30', last_id: '31', reason: 'too_large' })]);
    expect(trust.coverage).toMatchObject({ state: 'incomplete' });
    expect(trust.coverage?.gaps).toHaveLength(2);
  });

  it('is never complete while a gap is open, whatever an older certificate says', () => {
    const trust = complete();
    trust.hear([said('found')]);
    trust.certify({ state: 'complete', gaps: [] });
    trust.certify({});
    expect(trust.coverage?.state).toBe('incomplete');
    trust.certify({ state: 'healed', gaps: [gap({ healed: true })] }); // that one lists it
    expect(trust.coverage?.state).toBe('healed');
  });

  it('is the health’s when that knows more: a gap that nobody said, and the first trade', () => {
    const trust = new TapeTrust();
    trust.certify({ state: 'unknown' });
    expect(trust.coverage).toBeNull();
    trust.reset({ state: 'unknown' });
    expect(trust.coverage?.state).toBe('unknown');
    trust.certify({ state: 'complete', gaps: [] });
    expect(trust.coverage?.state).toBe('complete');
    trust.certify({ state: 'incomplete', gaps: [gap()] });
    expect(trust.coverage?.state).toBe('incomplete');
    trust.certify({ state: 'unknown' });
    expect(trust.coverage?.state).toBe('incomplete');
  });

  it('tells the trades’ own gaps where some are listed, and is not better than the desk says', () => {
    const trust = complete();
    const ofBook = gap({ stream: 'book', first_id: '1', last_id: '2' });
    trust.certify({ state: 'incomplete', gaps: [ofBook, gap({ healed: true })] });
    expect(trust.coverage).toMatchObject({ state: 'incomplete', gaps: [{ stream: 'trades' }] });
    trust.certify({ state: 'incomplete', gaps: [ofBook] });
    expect(trust.coverage).toMatchObject({ state: 'incomplete', gaps: [{ stream: 'book' }] });
    trust.hear([said('healed')]);
    expect(trust.coverage?.state).toBe('incomplete');
    trust.certify({ state: 'unverified', gaps: [gap({ healed: true })] });
    expect(trust.coverage?.state).toBe('unverified');
  });

  it('is healed at once when the one open gap of the certificate is', () => {
    const trust = new TapeTrust();
    trust.reset({ state: 'incomplete', gaps: [gap()] });
    trust.hear([said('healed')]);
    expect(trust.coverage?.state).toBe('healed');
  });

  it('begins anew with a snapshot and with another instrument', () => {
    const trust = complete();
    trust.hear([said('marked')]);
    trust.reset({ state: 'complete', gaps: [] });
    expect(trust.coverage?.state).toBe('complete');
    trust.clear();
    expect(trust.coverage).toBeNull();
    trust.hear([said('found')]);
    expect(trust.coverage?.state).toBe('incomplete');
  });

  it('keeps the open gaps of many', () => {
    const trust = complete();
    trust.hear([said('marked')]);
    trust.hear(Array.from({ length: 200 }, (_, i) => said('healed', { first_id: String(100 + i), last_id: String(100 + i) })));
    expect(trust.coverage?.state).toBe('incomplete');
    expect(trust.coverage?.gaps).toHaveLength(50);
  });
});
