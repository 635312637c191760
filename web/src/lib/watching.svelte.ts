/** Follows and unfollows for this desk's every client, and says what came of it. */
import { DeskError, follow, resolveName, unfollow, wordsOf } from './api';
import { atPreferred, resolveBare, symbolOf } from './pairs';
import { settings } from './settings.svelte';
import type { Followed } from './protocol';
import { store } from './store.svelte';
import { toasts } from './toasts.svelte';

const UNDO_MS = 9000;
const REFUSED_MS = 9000;

/** At the preferred venue where that has it, else where the desk has it. */
async function followMeant(name: string): Promise<Followed> {
  const meant = atPreferred(name, settings.venue);
  try {
    return await follow(meant);
  } catch (error) {
    if (meant === name || !(error instanceof DeskError) || error.code !== 'unknown_instrument') throw error;
    return follow(name);
  }
}

class Watching {
  /** Asked for and not answered yet: instruments and typed names. */
  busy = $state.raw<ReadonlySet<string>>(new Set());

  /** Null when it went well, else why not. */
  async follow(name: string, { select }: { select: boolean }): Promise<DeskError | null> {
    if (this.busy.has(name)) return null;
    const before = new Set(store.instruments ?? []);
    this.busy = new Set([...this.busy, name]);
    try {
      const answer = await followMeant(name);
      const names = answer.watchlist.map((row) => row.instrument);
      store.setInstruments(names);
      const added = names.includes(name) ? name : (names.find((each) => !before.has(each)) ?? (select ? await this.alreadyHere(name, names) : undefined));
      if (answer.notice) toasts.say({ key: 'renamed', tone: 'calm', text: `${answer.notice}.`, lifeMs: 9000 });
      if (select && added !== undefined) settings.setInstrument(added);
      return null;
    } catch (error) {
      return wordsOf(error);
    } finally {
      this.busy = new Set([...this.busy].filter((other) => other !== name));
    }
  }

  private async alreadyHere(name: string, names: readonly string[]): Promise<string> {
    return resolveBare(name, names, settings.venue) ?? (await resolveName(name));
  }

  /** Unfollows at once; the way back stands in a toast. */
  async unfollow(instrument: string): Promise<DeskError | null> {
    if (this.busy.has(instrument)) return null;
    const chosen = store.selected === instrument;
    this.busy = new Set([...this.busy, instrument]);
    try {
      const answer = await unfollow(instrument);
      if (answer === null) store.setInstruments((store.instruments ?? []).filter((each) => each !== instrument));
      else store.setInstruments(answer.watchlist.map((row) => row.instrument));
      this.offerUndo(instrument, chosen);
      return null;
    } catch (error) {
      const refused = wordsOf(error);
      this.tell(`${symbolOf(instrument)} stays.`, refused);
      return refused;
    } finally {
      this.busy = new Set([...this.busy].filter((other) => other !== instrument));
    }
  }

  /** A refusal that no other place on the page shows. */
  tell(what: string, refused: DeskError): void {
    const hint = refused.hint ? { hint: refused.hint } : {};
    toasts.say({ key: 'refused', tone: 'error', text: `${what} ${refused.message}`, ...hint, lifeMs: REFUSED_MS });
  }

  private offerUndo(instrument: string, chosen: boolean): void {
    const key = `removed:${instrument}`;
    const run = (): void => {
      toasts.putAway(key);
      void this.follow(instrument, { select: chosen }).then((refused) => {
        if (refused) this.tell(`${symbolOf(instrument)} is not followed.`, refused);
      });
    };
    toasts.say({ key, tone: 'calm', text: `${symbolOf(instrument)} is not followed any more.`, lifeMs: UNDO_MS, action: { title: 'Undo', run } });
  }
}

export const watching = new Watching();
