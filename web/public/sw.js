/**
 * Shows alerts while the page is closed. It asks nothing of anybody and keeps nothing.
 *
 * Rules:
 * 1. Every push is shown: a browser that is pushed to in silence takes the permission away.
 * 2. One alert is one notification: its key is the tag, so what is pushed twice, or was shown by the page, stands once.
 * 3. A click leads to the page that is open, or opens one, at that alert.
 */
const LEFT = { title: 'BethNa', body: 'An alert has fired. Open the desk to read it.', key: 'unread' };

function shown(event) {
  let said = {};
  try {
    said = event.data?.json() ?? {};
  } catch {
    said = {}; // not of our desk, or damaged: rule 1 all the same
  }
  if (typeof said !== 'object' || said === null || typeof said.title !== 'string') return { ...LEFT, said: {} };
  return { title: `${said.prefix ?? ''}${said.title}`, body: `${said.text ?? ''}${said.late ? ' (late: found after the fact)' : ''}`, key: String(said.key ?? LEFT.key), said };
}

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('push', (event) => {
  const { title, body, key, said } = shown(event);
  const fired = typeof said.fired === 'number' ? { timestamp: said.fired / 1000 } : {};
  event.waitUntil(self.registration.showNotification(title, { body, tag: key, icon: '/favicon.svg', requireInteraction: said.severity === 'critical', data: { key }, ...fired })); // rules 1 and 2
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const key = event.notification.data?.key ?? '';
  event.waitUntil(
    (async () => {
      const open = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
      const page = open.find((client) => client.visibilityState === 'visible') ?? open[0];
      if (page === undefined) return self.clients.openWindow(`/#alert=${encodeURIComponent(key)}`);
      page.postMessage({ alert: key });
      return page.focus();
    })(),
  ); // rule 3
});

/** The browser has changed the subscription by itself: the desk is told the new one; the page tells it again when it is opened. */
self.addEventListener('pushsubscriptionchange', (event) => {
  const say = (method, body) => fetch('/api/v1/push', { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  event.waitUntil(
    (async () => {
      const { oldSubscription: old, newSubscription: now } = event;
      if (now) await say('PUT', now.toJSON());
      if (old && old.endpoint !== now?.endpoint) await say('DELETE', { endpoint: old.endpoint });
    })(),
  );
});
