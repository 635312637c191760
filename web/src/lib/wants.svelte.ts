/** Keeps the feed's subscriptions equal to what the page looks at. */
import type { Link } from './feed/link';
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
  });
}
