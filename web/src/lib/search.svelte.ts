/** The symbol search as it stands: what is typed, what was found, which one is chosen. */
import { fetchSymbols, wordsOf, type DeskError } from './api';
import { preferredFirst } from './pairs';
import type { Listed } from './protocol';
import { find, Latest, nameToFollow, REST_MS, stepped, type Found } from './search';
import { settings } from './settings.svelte';
import { store } from './store.svelte';
import { watching } from './watching.svelte';

class Search {
  open = $state(false);
  text = $state('');
  found = $state.raw<Found | null>(null);
  failure = $state.raw<DeskError | null>(null);
  /** Why the desk did not follow or unfollow what was asked for. */
  refused = $state.raw<DeskError | null>(null);
  asking = $state.raw(false);
  /** The chosen place in the list, -1 for none. */
  at = $state.raw(-1);

  /** Enter was pressed before the answer to what was typed was here: it is done with the answer. */
  private pending: 'show' | 'toggle' | null = null;

  private readonly latest = new Latest<Found>(
    (text, signal) => find(fetchSymbols, text, signal),
    (outcome) => {
      this.asking = false;
      if ('error' in outcome) {
        this.failure = wordsOf(outcome.error);
        return;
      }
      this.failure = null;
      this.found = { ...outcome.answer, list: preferredFirst(outcome.answer.list, outcome.answer.text, settings.venue) };
      this.at = outcome.answer.list.length > 0 && !outcome.answer.nearest && outcome.answer.text !== '' ? 0 : -1;
      const pending = this.pending;
      this.pending = null;
      if (pending !== null) this.enter(pending);
    },
  );

  show(): void {
    if (this.open) return;
    this.open = true;
    this.text = '';
    this.ask(0);
  }

  hide(): void {
    this.open = false;
    this.latest.forget();
    this.found = null;
    this.failure = this.refused = null;
  }

  type(text: string): void {
    this.text = text;
    this.ask(REST_MS);
  }

  again(): void {
    this.ask(0);
  }

  private ask(restMs: number): void {
    this.asking = true;
    this.refused = null;
    this.pending = null;
    this.latest.ask(this.text.trim(), restMs);
  }

  /** True when the key moved the choice. */
  step(key: string): boolean {
    const next = stepped(this.at, this.found?.list.length ?? 0, key);
    if (next !== null) this.at = next;
    return next !== null;
  }

  /** What Enter does, now or with the answer that is on its way. */
  enter(wish: 'show' | 'toggle'): void {
    const one = this.found?.list[this.at];
    if (this.asking) this.pending = wish;
    else if (one && wish === 'toggle') void this.toggle(one);
    else if (one) void this.choose(one);
    else void this.chooseTyped();
  }

  isFollowed(one: Listed): boolean {
    return store.instruments?.includes(one.instrument) ?? one.followed;
  }

  /** Shows it, following it first where needed; the search closes when that went well. */
  async choose(one: Listed): Promise<void> {
    if (this.isFollowed(one)) settings.setInstrument(one.instrument);
    else if (!(await this.follow(nameToFollow(one, this.text, this.found?.nearest ?? false), true))) return;
    this.leave();
  }

  /** Follows or unfollows and stays, so that several can be chosen. */
  async toggle(one: Listed): Promise<void> {
    this.refused = null;
    if (this.isFollowed(one)) this.refused = await watching.unfollow(one.instrument);
    else await this.follow(nameToFollow(one, this.text, this.found?.nearest ?? false), false);
  }

  /** Nothing in the list is chosen: the desk itself is asked for what was typed, and says why not. */
  async chooseTyped(): Promise<void> {
    if (this.text.trim() !== '' && (await this.follow(this.text.trim(), true))) this.leave();
  }

  private leave(): void {
    this.hide();
    if (settings.view === 'market') settings.view = 'chart';
  }

  private async follow(name: string, select: boolean): Promise<boolean> {
    this.refused = await watching.follow(name, { select });
    return this.refused === null;
  }
}

export const search = new Search();
