import { describe, expect, it } from 'vitest';
import { INTERVALS } from '../src/lib/protocol';
import { Storage } from '../src/lib/storage';
import { DECKS, fitted, GROUPINGS, linkWords, openHash, PALETTES, readKept, readParts, ROOMS, THEMES, USUAL, workspaceHash, type Sizes, type Workspace } from '../src/lib/workspace';

const one = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T;
const INSTRUMENTS = [null, 'BTC-USDT@binance', '1000SATS-USDT@binance', 'A;B=C#D@x', '币-USDT@binance'];
const ZONES = ['UTC', 'local', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Asia/Kolkata'];

function anyWorkspace(): Workspace {
  const sizes = Object.fromEntries((Object.keys(ROOMS) as (keyof Sizes)[]).map((part) => [part, fitted(part, Math.random() * 1000)])) as unknown as Sizes;
  return { instrument: one(INSTRUMENTS), interval: one(INTERVALS), deck: one(DECKS), theme: one(THEMES), palette: one(PALETTES), swap: Math.random() < 0.5, zone: one(ZONES), grouping: one(GROUPINGS), venue: one([null, 'kraken', 'binance_us']), sizes };
}

describe('a workspace', () => {
  it('comes back whole from its link and from what was kept', () => {
    for (let i = 0; i < 500; i += 1) {
      const made = anyWorkspace();
      const opened = openHash(`#${workspaceHash(made)}`, { ...anyWorkspace(), instrument: made.instrument, venue: made.venue });
      expect(opened).toEqual({ kind: 'workspace', workspace: made, complaints: [] });
      expect(readKept(JSON.stringify({ version: 2, ...made }))).toMatchObject({ workspace: made, complaints: [] });
    }
  });

  it('is short and readable as a link', () => {
    const hash = workspaceHash({ ...USUAL, instrument: 'BTC-USDT@binance', zone: 'Europe/Berlin' });
    expect(hash).toBe('w=1;s=BTC-USDT@binance;i=1m;d=book;t=system;p=classic;x=0;z=Europe/Berlin;g=comma;l=288.320.506.63.44');
  });

  it('tells of an instrument that the desk does not follow', () => {
    expect(linkWords('SOL-USDT@binance', ['BTC-USDT@binance'])).toContain('SOL-USDT on binance is not followed');
    for (const [name, followed] of [['BTC-USDT@binance', ['BTC-USDT@binance']], [null, []], ['X@y', null]] as const) {
      expect(linkWords(name, followed)).toBe('The workspace of the link is in use.');
    }
  });

  it('of another version changes nothing', () => {
    for (const version of ['2', '0', '', 'x'.repeat(500)]) {
      const opened = openHash(`#w=${version};t=light`, USUAL);
      expect(opened.kind).toBe('refused');
      if (opened.kind === 'refused') expect(opened.why.length).toBeLessThan(200);
    }
    expect(openHash('#instrument=BTC-USDT@binance&interval=5m', USUAL).kind).toBe('none');
    expect(openHash('', USUAL).kind).toBe('none');
  });

  it('loses the part that is broken and no other, and says which', () => {
    const before = anyWorkspace();
    const opened = openHash('#w=1;t=neon;z=Mars/Olympus;i=5m;l=300.310.zz.70.44;g=space', before);
    expect(opened.kind).toBe('workspace');
    if (opened.kind !== 'workspace') return;
    expect(opened.workspace).toEqual({ ...before, interval: '5m', grouping: 'space', sizes: { ...before.sizes, left: 300, right: 310, chart: 70, upright: 44 } });
    expect(opened.complaints).toHaveLength(3);
    expect(opened.complaints.join()).toMatch(/theme “neon”.*time zone “Mars\/Olympus”.*size of a panel/);
  });

  it.each(['{', '[]', '7', '"x"', 'null', ''])('kept as %j is the usual one, and that is said', (text) => {
    const kept = readKept(text);
    expect(kept.workspace).toEqual(USUAL);
    expect(kept.complaints).toHaveLength(1);
  });

  it('survives whatever a link or the shelf holds: each part is of its kind', () => {
    const junk = (): unknown => one([null, 7, -1, NaN, '', 'x', 'dark', [], {}, true, '\u0000', { left: 'wide' }, { left: 1e9, chart: -5 }]);
    for (let i = 0; i < 2000; i += 1) {
      const found = Object.fromEntries([...Object.keys(USUAL), 'seen', 'version'].map((part) => [part, junk()]));
      const { workspace } = readParts(found, USUAL);
      const opened = openHash(`#${workspaceHash(workspace)}`, workspace);
      expect(opened).toMatchObject({ kind: 'workspace', workspace, complaints: [] });
      const cut = workspaceHash(workspace).slice(0, Math.floor(Math.random() * 100));
      expect(['none', 'refused', 'workspace']).toContain(openHash(`#${cut}`, USUAL).kind);
    }
  });
});

describe('storage', () => {
  it('that refuses is noticed and harms nothing; one that comes back is used', () => {
    const kept = new Map<string, string>();
    let open = false;
    const storage = new Storage(() => {
      if (!open) throw new DOMException('denied', 'SecurityError');
      return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) };
    });
    expect(storage.read('a')).toBeNull();
    storage.write('a', '1');
    expect(storage.refused).toBe(true);
    open = true;
    storage.write('a', '2');
    expect(storage.refused).toBe(false);
    expect(storage.read('a')).toBe('2');
  });
});
