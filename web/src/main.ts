/** Starts the page: the feed on one side, the panels on the other, one animation frame between them. */
import { flushSync, mount } from 'svelte';
import App from './App.svelte';
import { alertsHook } from './lib/alerts/hook.svelte';
import { deskSocketUrl, openLink } from './lib/feed/link';
import { restart } from './lib/restart.svelte';
import { settings } from './lib/settings.svelte';
import { isAnotherSource, linkIsUp } from './lib/status';
import { store } from './lib/store.svelte';
import { wallNow } from './lib/time';
import { followSelection } from './lib/wants.svelte';
import { expose, tellPrices } from './lib/window';
import './styles/fonts.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/coverage.css';

const TICK_MS = 500;

const link = openLink(deskSocketUrl(), (batch) => {
  if (isAnotherSource(store.health?.value ?? null, batch.health?.value ?? null)) {
    location.reload();
    return;
  }
  if (batch.link && !linkIsUp(batch.link)) restart.asked = false; // what was asked for has begun, or never will
  // Within the frame, so that the screen never shows less than what window.bethna tells.
  flushSync(() => store.apply(batch));
  tellPrices(batch);
}, (place) => (store.readBy = place), (news) => alertsHook.hear(news));

followSelection(link);
setInterval(() => (store.tick = wallNow()), TICK_MS);
addEventListener('online', () => link.wake());
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') link.wake();
});

expose(() => settings.interval);
const target = document.getElementById('app');
if (target) mount(App, { target });
