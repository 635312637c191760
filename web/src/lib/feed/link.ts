/** The page's end of the feed: a worker where there is one, the same code on this thread where not. */
import type { AlertNews } from '../alerts/hook.svelte';
import { wallNow } from '../wall';
import { Connection } from './connection';
import { Inbox, type Batch } from './inbox';
import { gather, Pump } from './pump';

export type ToWorker =
  | { op: 'open'; url: string }
  | { op: 'want'; topics: string[] }
  | { op: 'drawn' }
  | { op: 'wake' };

export interface Link {
  want(topics: string[]): void;
  wake(): void;
}

export function deskSocketUrl(): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`;
}

/** Where frames are read. On the page they cost the page its time; nothing else is different. */
export type Place = 'worker' | 'page';

/**
 * `draw` is called at most once per animation frame; `placed` when it is known where frames are read; `hear` at once, also
 * on a page that nobody sees.
 */
export function openLink(url: string, draw: (batch: Batch) => void, placed: (place: Place) => void, hear: (news: AlertNews) => void): Link {
  let tell: (message: ToWorker) => void = () => {};
  let topics: string[] = [];

  const receive = (batch: Batch): void => {
    requestAnimationFrame(() => {
      try {
        draw(batch);
      } finally {
        tell({ op: 'drawn' });
      }
    });
  };

  const onThisThread = (): void => {
    placed('page');
    const inbox = new Inbox();
    const pump = new Pump(inbox, receive, gather);
    const connection = new Connection(url, inbox, {
      open: (address) => new WebSocket(address) as never,
      now: wallNow,
      random: Math.random,
      changed: () => pump.push(),
      atOnce: (topic, snapshot, data) => hear({ topic, snapshot, data } as AlertNews),
    });
    tell = (message) => {
      if (message.op === 'want') connection.want(message.topics);
      else if (message.op === 'drawn') pump.drawn();
      else if (message.op === 'wake') connection.wake();
    };
    connection.want(topics);
    connection.start();
  };

  const inWorker = (): boolean => {
    if (typeof Worker === 'undefined') return false;
    try {
      const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'feed' });
      let alive = false;
      worker.onmessage = (event: MessageEvent<Batch | AlertNews>) => {
        if (!alive) placed('worker');
        alive = true;
        if ('topic' in event.data) hear(event.data);
        else receive(event.data);
      };
      // A worker that never spoke could not be loaded; an error in one that did is its own to survive.
      worker.onerror = () => {
        if (alive) return;
        alive = true;
        worker.terminate();
        onThisThread();
      };
      tell = (message) => worker.postMessage(message);
      tell({ op: 'open', url });
      return true;
    } catch {
      return false;
    }
  };

  if (!inWorker()) onThisThread();
  return {
    want: (next) => {
      topics = next;
      tell({ op: 'want', topics: next });
    },
    wake: () => tell({ op: 'wake' }),
  };
}
