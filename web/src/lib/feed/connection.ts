/**
 * The desk's WebSocket, kept open: subscribes, checks sequence, reconnects. Runs in a worker or on the page.
 *
 * Rules:
 * 1. What is wanted outlives any socket; every open socket is asked for all of it.
 * 2. A hole in a topic's numbers costs that topic a new subscription, never another one.
 * 3. A failed or lost socket is followed by another after a capped, jittered delay; the delay starts over only
 *    after frames have flowed for a while.
 * 4. A desk that says nothing is asked; one that does not answer is left. Until then the state is `silent`.
 */
import type { Frame, Refusal } from '../protocol';
import { backoffDelay } from './backoff';
import type { Inbox, LinkStatus } from './inbox';
import { Sequence } from './sequence';

export const SILENT_AFTER_MS = 5_000;
export const LEAVE_AFTER_MS = 15_000;
export const SETTLED_AFTER_MS = 10_000;
export const SNAPSHOT_WITHIN_MS = 10_000;

export interface Socket {
  send(text: string): void;
  close(): void;
  onopen: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
}

export interface Ports {
  open(url: string): Socket;
  now(): number;
  random(): number;
  /** Called after the inbox changed. */
  changed(): void;
  /** A frame that waits for no picture: a hidden page draws none, and an alert must be told all the same. */
  atOnce(topic: string, snapshot: boolean, data: unknown): void;
}

/** Topics whose frames are not conflated and not kept until they are drawn. */
const AT_ONCE = new Set(['alerts', 'notifications']);

interface Want {
  sequence: Sequence;
  /** When the subscription was asked for; null once its snapshot is here. */
  askedAt: number | null;
  refused: boolean;
}

export class Connection {
  private wants = new Map<string, Want>();
  private socket: Socket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private watch: ReturnType<typeof setInterval> | undefined;
  private link: LinkStatus;
  private pinged = false;

  constructor(
    private readonly url: string,
    private readonly inbox: Inbox,
    private readonly ports: Ports,
  ) {
    this.link = {
      state: 'connecting',
      attempt: 0,
      retryAt: null,
      lastFrameAt: null,
      since: ports.now(),
      wireErrors: 0,
      holes: 0,
    };
  }

  start(): void {
    this.watch = setInterval(() => this.check(), 1000);
    this.connect();
  }

  stop(): void {
    clearInterval(this.watch);
    clearTimeout(this.timer);
    this.leave();
  }

  /** The network is back or the page is looked at again: do not wait out the delay. */
  wake(): void {
    if (this.link.state !== 'waiting') return;
    clearTimeout(this.timer);
    this.connect();
  }

  want(topics: string[]): void {
    const wanted = new Set(topics);
    const gone = [...this.wants.keys()].filter((topic) => !wanted.has(topic));
    const added = topics.filter((topic) => !this.wants.has(topic));
    for (const topic of gone) {
      this.wants.delete(topic);
      this.inbox.drop(topic);
    }
    for (const topic of added) this.wants.set(topic, { sequence: new Sequence(), askedAt: null, refused: false });
    if (this.isOpen() && gone.length > 0) this.say({ op: 'unsubscribe', topics: gone });
    this.ask(added);
  }

  private isOpen(): boolean {
    return this.link.state === 'open' || this.link.state === 'silent';
  }

  private ask(topics: string[]): void {
    if (!this.isOpen() || topics.length === 0) return;
    for (const topic of topics) {
      const want = this.wants.get(topic);
      if (!want) continue;
      want.sequence.forget();
      want.askedAt = this.ports.now();
      want.refused = false;
      this.inbox.setTopic(topic, { state: 'waiting' });
    }
    this.say({ op: 'subscribe', topics, rate: 'ui' });
    this.ports.changed();
  }

  private say(message: object): void {
    this.socket?.send(JSON.stringify(message));
  }

  private connect(): void {
    this.become({ state: 'connecting', retryAt: null });
    let socket: Socket;
    try {
      socket = this.ports.open(this.url);
    } catch {
      this.retry();
      return;
    }
    this.socket = socket;
    socket.onopen = () => {
      this.pinged = false;
      this.become({ state: 'open', retryAt: null, lastFrameAt: this.ports.now() });
      this.ask([...this.wants.keys()]); // rule 1
    };
    socket.onclose = () => {
      if (this.socket === socket) this.retry();
    };
    socket.onmessage = (event: { data?: unknown }) => {
      if (this.socket === socket) this.receive(event.data);
    };
  }

  private leave(): void {
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onclose = socket.onmessage = null;
    socket.close();
  }

  private retry(): void {
    this.leave();
    const delay = backoffDelay(this.link.attempt, this.ports.random());
    this.become({ state: 'waiting', attempt: this.link.attempt + 1, retryAt: this.ports.now() + delay });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), delay);
  }

  private become(change: Partial<LinkStatus>): void {
    const moved = change.state !== undefined && change.state !== this.link.state;
    this.link = { ...this.link, ...change, ...(moved ? { since: this.ports.now() } : {}) };
    this.inbox.setLink(this.link);
    this.ports.changed();
  }

  private receive(text: unknown): void {
    const now = this.ports.now();
    this.link.lastFrameAt = now;
    if (this.link.state === 'silent') this.become({ state: 'open' });
    this.pinged = false;
    if (this.link.attempt > 0 && now - this.link.since > SETTLED_AFTER_MS) this.become({ attempt: 0 }); // rule 3
    try {
      this.take(JSON.parse(String(text)) as Frame, now);
    } catch {
      this.become({ wireErrors: this.link.wireErrors + 1 });
    }
  }

  private take(frame: Frame, now: number): void {
    if (frame.topic === null) {
      const error = (frame.data as { error?: Refusal } | null)?.error;
      if (error) this.refuse(error);
      return;
    }
    const want = this.wants.get(frame.topic);
    if (!want) return;
    const verdict = want.sequence.check(frame.type, frame.seq);
    if (verdict === 'hole') {
      this.become({ holes: this.link.holes + 1 });
      this.resubscribe(frame.topic); // rule 2
      return;
    }
    if (verdict === 'skip' || frame.type === 'status') return;
    if (want.askedAt !== null) {
      want.askedAt = null;
      this.inbox.setTopic(frame.topic, { state: 'live' });
    }
    if (AT_ONCE.has(frame.topic)) this.ports.atOnce(frame.topic, frame.type === 'snapshot', frame.data);
    else if (!this.inbox.offer(frame.topic, frame, now)) this.resubscribe(frame.topic);
    this.ports.changed();
  }

  private resubscribe(topic: string): void {
    this.say({ op: 'unsubscribe', topics: [topic] });
    this.ask([topic]);
  }

  /** A refusal names its topic in words only: the waiting topic that it quotes, or the instrument of one. */
  private refuse(refusal: Refusal): void {
    const waiting = [...this.wants].filter(([, want]) => want.askedAt !== null);
    const quoted = (part: string): boolean => part !== '' && refusal.message.includes(part);
    let named = waiting.filter(([topic]) => quoted(topic));
    if (named.length === 0) named = waiting.filter(([topic]) => quoted(topic.split(':')[1] ?? ''));
    for (const [topic, want] of named) {
      want.askedAt = null;
      want.refused = true;
      this.inbox.setTopic(topic, { state: 'refused', refusal });
    }
    if (named.length === 0) this.inbox.complain(refusal);
    this.ports.changed();
  }

  private check(): void {
    if (!this.isOpen()) return;
    const now = this.ports.now();
    const quiet = now - (this.link.lastFrameAt ?? this.link.since);
    if (quiet > LEAVE_AFTER_MS) {
      this.retry(); // rule 4
      return;
    }
    if (quiet > SILENT_AFTER_MS) {
      if (!this.pinged) this.say({ op: 'ping' });
      this.pinged = true;
      if (this.link.state !== 'silent') this.become({ state: 'silent' });
    }
    const late = [...this.wants].filter(([, want]) => want.askedAt !== null && now - want.askedAt > SNAPSHOT_WITHIN_MS);
    for (const [topic] of late) this.resubscribe(topic);
  }
}
