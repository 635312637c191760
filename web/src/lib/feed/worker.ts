/** The worker's entry: owns the socket, posts one batch whenever the page has drawn the last one. */
import { wallNow } from '../wall';
import { Connection } from './connection';
import { Inbox } from './inbox';
import type { ToWorker } from './link';
import { gather, Pump } from './pump';

const inbox = new Inbox();
const pump = new Pump(inbox, (batch) => postMessage(batch), gather);
let connection: Connection | null = null;

onmessage = (event: MessageEvent<ToWorker>) => {
  const message = event.data;
  switch (message.op) {
    case 'open':
      connection = new Connection(message.url, inbox, {
        open: (url) => new WebSocket(url) as never,
        now: wallNow,
        random: Math.random,
        changed: () => pump.push(),
        atOnce: (topic, snapshot, data) => postMessage({ topic, snapshot, data }),
      });
      connection.start();
      return;
    case 'want':
      connection?.want(message.topics);
      return;
    case 'drawn':
      pump.drawn();
      return;
    case 'wake':
      connection?.wake();
  }
};
