import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { backoffDelay, LONGEST_DELAY_MS } from '../src/lib/feed/backoff';
import { Connection, LEAVE_AFTER_MS, SILENT_AFTER_MS, type Socket } from '../src/lib/feed/connection';
import { Inbox, keepNewest, TAPE_LIMIT, type Batch } from '../src/lib/feed/inbox';
import { Pump } from '../src/lib/feed/pump';
import { Sequence } from '../src/lib/feed/sequence';
import type { TapeItem } from '../src/lib/protocol';

const X = 'BTC-USDT@binance';

function trade(id: number): TapeItem {
  return { kind: 'trade', price: 1, quantity: 1, side: 'buy', trade_id: String(id), ts_event: id, ts_recv: id };
}

it('waits longer after each failure, never at once and never beyond the cap', () => {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const [low, high] = [backoffDelay(attempt, 0), backoffDelay(attempt, 0.999999)];
    expect(low).toBeGreaterThanOrEqual(250);
    expect(high).toBeLessThanOrEqual(LONGEST_DELAY_MS);
    expect(high).toBeGreaterThan(low);
  }
});

describe('sequence', () => {
  it('takes what follows, skips what precedes a snapshot, and names a hole once', () => {
    const sequence = new Sequence();
    expect(sequence.check('delta', 4)).toBe('skip');
    expect(sequence.check('snapshot', 1)).toBe('take');
    expect(sequence.check('delta', 2)).toBe('take');
    expect(sequence.check('delta', 4)).toBe('hole');
    expect(sequence.check('delta', 5)).toBe('skip');
    expect(sequence.check('snapshot', 1)).toBe('take');
  });
});

describe('inbox', () => {
  it('keeps the latest per key and the newest trades, and says what it dropped', () => {
    const inbox = new Inbox();
    const topic = `trades:${X}`;
    for (let i = 0; i < 1000; i += 1) inbox.offer(topic, { topic, type: 'delta', seq: i, data: { items: [trade(i)] } }, i);
    const items = inbox.take().tapes.get(topic)?.items ?? [];
    expect(items.length).toBeLessThanOrEqual(TAPE_LIMIT);
    const [first] = items;
    expect(first?.kind).toBe('dropped');
    expect((first?.kind === 'dropped' ? first.count : 0) + items.length - 1).toBe(1000);
    expect(inbox.dirty).toBe(false);
  });

  it('counts earlier drops into the later one', () => {
    const once = keepNewest([...Array(10).keys()].map(trade), 4);
    const twice = keepNewest([...once, ...[10, 11, 12, 13].map(trade)], 4);
    expect(twice[0]).toEqual({ kind: 'dropped', count: 12, by: 'page' });
  });
});

it('has at most one batch on its way', () => {
  const inbox = new Inbox();
  const sent: Batch[] = [];
  const pump = new Pump(inbox, (batch) => sent.push(batch));
  for (let i = 0; i < 50; i += 1) {
    inbox.offer('health', { topic: 'health', type: 'delta', seq: i, data: { n: i } }, i);
    pump.push();
  }
  expect(sent).toHaveLength(1);
  pump.drawn();
  expect(sent).toHaveLength(2);
  expect(sent[1]?.health?.value).toEqual({ n: 49 });
});

class FakeSocket {
  static all: FakeSocket[] = [];
  sent: { op: string; topics?: string[] }[] = [];
  closed = false;
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  constructor() {
    FakeSocket.all.push(this);
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.closed = true;
  }
  say(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

describe('connection', () => {
  let inbox: Inbox;
  let connection: Connection;
  const heard: string[] = [];
  const newest = (): FakeSocket => FakeSocket.all.at(-1) as FakeSocket;
  const link = (): Batch['link'] => inbox.take().link;

  beforeEach(() => {
    vi.useFakeTimers();
    FakeSocket.all = [];
    inbox = new Inbox();
    connection = new Connection('ws://desk/ws', inbox, {
      open: () => new FakeSocket() as unknown as Socket,
      now: () => Date.now(),
      random: () => 0.5,
      changed: () => {},
      atOnce: (topic) => heard.push(topic),
    });
    connection.want(['prices', `book:${X}`]);
    connection.start();
  });

  afterEach(() => {
    connection.stop();
    vi.useRealTimers();
  });

  it('hands on alerts at once, keeps nothing of them until a picture, and asks anew after a hole', () => {
    connection.want(['alerts']);
    newest().onopen?.();
    heard.length = 0;
    newest().say({ topic: 'alerts', type: 'snapshot', seq: 1, data: { alerts: [] } });
    newest().say({ topic: 'alerts', type: 'delta', seq: 2, data: { alerts: [] } });
    expect(heard).toEqual(['alerts', 'alerts']);
    expect(inbox.take().topics.get('alerts')).toEqual({ state: 'live' });
    newest().say({ topic: 'alerts', type: 'delta', seq: 4, data: { alerts: [] } });
    expect(heard).toHaveLength(2);
    expect(newest().sent.at(-1)).toMatchObject({ op: 'subscribe', topics: ['alerts'] });
  });

  it('asks every new socket for all that is wanted', () => {
    newest().onopen?.();
    expect(newest().sent).toEqual([{ op: 'subscribe', topics: ['prices', `book:${X}`], rate: 'ui' }]);
    newest().onclose?.();
    expect(link()?.state).toBe('waiting');
    vi.advanceTimersByTime(1000);
    expect(FakeSocket.all).toHaveLength(2);
    newest().onopen?.();
    expect(newest().sent[0]?.topics).toEqual(['prices', `book:${X}`]);
  });

  it('answers a hole with a new subscription of that topic only', () => {
    newest().onopen?.();
    newest().say({ topic: `book:${X}`, type: 'snapshot', seq: 1, data: { update_id: '1' } });
    newest().say({ topic: `book:${X}`, type: 'delta', seq: 3, data: { update_id: '3' } });
    newest().say({ topic: `book:${X}`, type: 'delta', seq: 4, data: { update_id: '4' } });
    expect(newest().sent.slice(1)).toEqual([
      { op: 'unsubscribe', topics: [`book:${X}`] },
      { op: 'subscribe', topics: [`book:${X}`], rate: 'ui' },
    ]);
    const batch = inbox.take();
    expect(batch.books.get(`book:${X}`)?.value.update_id).toBe('1');
    expect(batch.link?.holes).toBe(1);
  });

  it('asks a silent desk, then leaves it', () => {
    newest().onopen?.();
    vi.advanceTimersByTime(SILENT_AFTER_MS + 1500);
    expect(link()?.state).toBe('silent');
    expect(newest().sent.at(-1)).toEqual({ op: 'ping' });
    const silent = newest();
    vi.advanceTimersByTime(LEAVE_AFTER_MS);
    expect(silent.closed).toBe(true);
    expect(FakeSocket.all.length).toBeGreaterThan(1);
  });

  it('survives frames that are not JSON and counts them', () => {
    newest().onopen?.();
    newest().onmessage?.({ data: '{' });
    expect(link()?.wireErrors).toBe(1);
  });

  it('gives a refusal to the topic that it names', () => {
    newest().onopen?.();
    const refusal = { code: 'unknown_topic', message: `Unknown topic book:${X}.`, hint: null };
    newest().say({ topic: null, type: 'status', seq: 0, data: { error: refusal } });
    expect(inbox.take().topics.get(`book:${X}`)).toEqual({ state: 'refused', refusal });
  });
});

it('what comes in one breath leaves in one batch, and nothing is left behind', () => {
  const inbox = new Inbox();
  const sent: Batch[] = [];
  const waiting: (() => void)[] = [];
  const pump = new Pump(inbox, (batch) => sent.push(batch), (act) => waiting.push(act));
  const say = (topic: string, id: number): void => {
    inbox.offer(topic, { topic, type: 'delta', seq: id, data: { items: [trade(id)] } }, id);
    pump.push();
  };
  say(`trades:${X}`, 1);
  say('trades:ETH-USDT@binance', 2);
  expect([sent.length, waiting.length]).toEqual([0, 1]);
  waiting.shift()?.();
  expect(sent.map((batch) => batch.tapes.size)).toEqual([2]);
  say(`trades:${X}`, 3);
  expect(waiting.length).toBe(0); // the last batch was not drawn yet
  pump.drawn();
  waiting.shift()?.();
  expect(sent.map((batch) => batch.tapes.size)).toEqual([2, 1]);
  pump.drawn();
  expect(waiting.length).toBe(0);
});
