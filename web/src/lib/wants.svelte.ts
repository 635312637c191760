/** Keeps the feed's subscriptions equal to what the page looks at. */
import { untrack } from 'svelte';
import type { Link } from './feed/link';
import { resolveBare } from './pairs';
import { settings } from './settings.svelte';
import { store } from './store.svelte';

export function followSelection(link: Link): void {
  $effect.root(() => {
    let before = { instrument: store.selected, interval: settings.interval };
    $effect(() => {
      const now = { instrument: store.selected, interval: settings.interval };
      if (now.instrument !== before.instrument) store.clearSelected(true);
      else if (now.interval !== before.interval) store.clearSelected(false);
      before = now;
      link.want(store.topicNames);
    });
    // A pair without a venue is opened at one and stays there, whatever is preferred later.
    $effect(() => {
      const { instrument } = settings;
      if (instrument === null || instrument.includes('@')) return;
      const found = store.instruments === null ? null : resolveBare(instrument, store.instruments, settings.venue);
      if (found !== null) untrack(() => settings.setInstrument(found));
    });
  });
}
