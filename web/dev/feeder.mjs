/** DEVELOPMENT ONLY. Serves the built page and an invented market on the desk's own contract; see README.md. */
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { Instrument, now } from './market.mjs';

const PORT = Number(process.env.PORT ?? 8790);
const SOURCE = process.env.FEEDER_SOURCE ?? 'twin';
const BUSY = Number(process.env.FEEDER_BUSY ?? 12);
const HOLE = Number(process.env.FEEDER_HOLE ?? 0);
const PAGE = fileURLToPath(new URL('../../src/bethna/web_dist/', import.meta.url));
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };
const CSP =
  "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; font-src 'self'; img-src 'self'; " +
  `style-src 'self' ${process.env.FEEDER_STYLE ?? "'sha256-3pRED1tOXas1FXFoPb9TGCjmYe9XQsmO9OV23khV2nY='"}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

const market = new Map(
  [
    new Instrument('ETH-USDT', 2684.31, 2, 4, 6, 'healed'),
    new Instrument('BTC-USDT', 61702.5, 2, 5, BUSY),
    new Instrument('SOL-USDT', 154.18, 2, 3, 3),
    new Instrument('POL-USDT', 0.4127, 4, 1, 0, 'stale'),
    new Instrument('PEPE-USDT', 0.00000812, 8, 0, 1),
    new Instrument('NEW-USDT', 1, 4, 1, 0, 'waiting'),
    new Instrument('FOO-USDT', 1, 4, 1, 0, 'refused'),
  ].map((instrument) => [instrument.name, instrument]),
);
const events = [
  { ts: now() - 90e6, level: 'info', code: 'venue_connected', subject: 'binance', message: 'Binance connected after 0.3 s.' },
  { ts: now() - 60e6, level: 'warning', code: 'trade_gap', subject: 'ETH-USDT@binance', message: '38 trades missing, asked history for ids 1200-1237.' },
  { ts: now() - 59e6, level: 'info', code: 'trade_healed', subject: 'ETH-USDT@binance', message: '38 trades from history.' },
  { ts: now() - 30e6, level: 'error', code: 'subscription_rejected', subject: 'FOO-USDT@binance', message: 'Binance refused FOOUSDT: unknown symbol. Nearest: FOOTUSDT.' },
];
let messages = 0;
const born = now();

function health() {
  const tape = SOURCE === 'tape' || SOURCE === 'ended'
    ? { name: 'invented', speed: 20, position: 1723161253937085 + (now() - born) * 20, start: 1723161253937085, end: null, ended: SOURCE === 'ended', loops: 0, damage: null }
    : null;
  return {
    status: 'degraded', version: 'dev', source: SOURCE === 'ended' ? 'tape' : SOURCE, tape, simulation: SOURCE === 'twin' ? { seed: 7, reason: 'it is invented', live_reachable: false } : null, now: now(), state_hash: null,
    venues: { binance: { status: 'ok', message: '', connections: 1, attempts: 1, reconnects: 2, rotations: 0, clock_offset_ms: 12.6, messages, wire_errors: 0, unknown_messages: 0, quota_used: 250, quota_limit: 6000 } },
    instruments: Object.fromEntries([...market].map(([name, one]) => [name, one.health()])),
    notices: [],
  };
}

class Client {
  constructor(socket) {
    this.socket = socket;
    this.seq = new Map();
    socket.on('message', (text) => this.hear(JSON.parse(String(text))));
  }

  hear(message) {
    if (message.op === 'ping') this.raw({ topic: null, type: 'status', seq: 0, data: { pong: now() } });
    for (const topic of message.topics ?? []) {
      if (message.op === 'unsubscribe') this.seq.delete(topic);
      else this.subscribe(topic);
    }
  }

  subscribe(topic) {
    const data = snapshot(topic);
    if (data === null) {
      const error = { code: 'unknown_topic', message: `Unknown topic ${topic}.`, hint: `Nearest: ${[...market.keys()][0]}` };
      this.raw({ topic: null, type: 'status', seq: 0, data: { error } });
      return;
    }
    this.seq.set(topic, 0);
    this.send(topic, 'snapshot', data);
  }

  send(topic, type, data) {
    if (!this.seq.has(topic)) return;
    let seq = this.seq.get(topic) + 1;
    if (HOLE && seq % HOLE === 0) seq += 1;
    this.seq.set(topic, seq);
    this.raw({ topic, type, seq, data });
  }

  raw(frame) {
    if (this.socket.readyState === 1) this.socket.send(JSON.stringify(frame));
  }
}

function snapshot(topic) {
  const [kind, name, interval] = topic.split(':');
  if (kind === 'prices') return { prices: [...market.values()].map((one) => one.priceRow()) };
  if (kind === 'health') return health();
  if (kind === 'events') return { events };
  const one = market.get(name);
  if (!one || one.mood === 'refused') return null;
  const head = { instrument: one.name, venue: 'binance', symbol: one.symbol };
  if (kind === 'book') return one.book();
  if (kind === 'trades') return { ...head, trades: one.trades.slice(-100), coverage: one.priceRow().coverage };
  if (kind === 'candles') return { ...head, interval, candles: (one.bars[interval] ?? []).slice(-500) };
  return null;
}

const clients = new Set();
const tell = (topic, type, data) => clients.forEach((client) => client.send(topic, type, data));

const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://desk');
  const json = (body, status = 200) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  if (url.pathname === '/api/v1/instruments') return json({ instruments: [...market.values()].map((one) => one.facts) });
  if (url.pathname === '/api/v1/candles') return json({ candles: [] });
  if (url.pathname.startsWith('/api/')) return json({ error: { code: 'not_found', message: 'Not in the feeder.', hint: null } }, 404);
  const file = join(PAGE, normalize(url.pathname === '/' ? 'index.html' : url.pathname));
  if (!file.startsWith(PAGE) || !existsSync(file)) return json({ error: { code: 'not_found', message: 'No such file.', hint: null } }, 404);
  response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', 'content-security-policy': CSP });
  return createReadStream(file).pipe(response);
});
new WebSocketServer({ server, path: '/ws' }).on('connection', (socket) => {
  const client = new Client(socket);
  clients.add(client);
  socket.on('close', () => clients.delete(client));
});

setInterval(() => {
  if (SOURCE === 'ended') return;
  for (const one of market.values()) {
    const trades = [];
    for (let i = 0; i < one.perSecond; i += 1) if (Math.random() < 0.05) trades.push({ kind: 'trade', ...one.trade() });
    if (one.symbol === 'BTC-USDT' && Math.random() < 0.004) trades.push(one.gapItem());
    if (one.symbol === 'BTC-USDT' && Math.random() < 0.002) trades.push({ kind: 'dropped', count: 12 });
    messages += trades.length + 1;
    if (one.lastAt !== null && one.perSecond > 0) tell(`book:${one.name}`, 'delta', one.book());
    if (trades.length === 0) continue;
    tell(`trades:${one.name}`, 'delta', { items: trades });
    for (const [interval, bars] of Object.entries(one.bars)) tell(`candles:${one.name}:${interval}`, 'delta', { candles: bars.slice(-2) });
  }
}, 50);
setInterval(() => {
  tell('prices', 'delta', { prices: [...market.values()].filter((one) => one.lastAt !== null).map((one) => one.priceRow()) });
  tell('health', 'delta', health());
}, 1000);
for (const one of market.values()) for (let i = 0; i < 60 && one.lastAt !== null; i += 1) one.trade();
server.listen(PORT, '127.0.0.1', () => console.log(`invented market, development only: http://127.0.0.1:${PORT}`));
