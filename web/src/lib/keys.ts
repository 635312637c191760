/** The keys that work from anywhere; a field that is typed into keeps its keys. */
import { INTERVALS } from './protocol';
import { settings } from './settings.svelte';

export interface Moves {
  watchlist(step: 1 | -1): void;
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('input, textarea, select, [contenteditable]') !== null;
}

/** Arrows belong to what is focused, except on the page itself and in the watchlist. */
function arrowsAreFree(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return true;
  return target === document.body || target.closest('[data-testid="watchlist"]') !== null;
}

export function onKey(event: KeyboardEvent, moves: Moves): void {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || settings.help) return;
  const interval = /^[1-9]$/.test(event.key) ? INTERVALS[Number(event.key) - 1] : undefined;
  if (interval) settings.setInterval(interval);
  else if (event.key === '?') settings.help = true;
  else if (event.key === 't' || event.key === 'T') settings.turnTheme();
  else if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && arrowsAreFree(event.target)) moves.watchlist(event.key === 'ArrowDown' ? 1 : -1);
  else return;
  event.preventDefault();
}
