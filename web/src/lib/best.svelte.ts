/** One book of several venues, asked of the desk each second while somebody looks at it. */
import { fetchBestBook, isGivenUp, wordsOf, type DeskError } from './api';
import { endWords, sharedPair, unverifiedWords } from './best';
import { read, type Reading } from './coverage';
import type { Stamped } from './feed/inbox';
import type { BestBook } from './protocol';
import { store } from './store.svelte';
import { wallNow } from './time';

const EVERY_MS = 1000;
const DEPTH = 20;

/** An answer that is older was followed by none: three were due. */
export const OLD_AFTER_MS = 3500;

class Best {
  /** The user wants all venues, wherever there are several. */
  wanted = $state(false);
  book = $state.raw<Stamped<BestBook> | null>(null);
  failure = $state.raw<DeskError | null>(null);

  pair = $derived.by(() => sharedPair(store.selected, store.facts));
  all = $derived(this.wanted && this.pair !== null);

  age = $derived(this.book === null ? null : store.age(this.book.value, this.book.at));
  /** Who is stale is out, so the book itself is old only when the desk is not heard. */
  stale = $derived(this.book !== null && (!store.up || store.tick - this.book.at > OLD_AFTER_MS));
  reading = $derived.by((): Reading => {
    const book = this.book?.value;
    const missing = !book || book.bids.length + book.asks.length === 0;
    const found = read(book?.coverage, { ageMs: this.age, stale: this.stale, linkDown: !store.up, missing, whyMissing: 'no venue is in', whyOld: this.failure?.message ?? '' });
    if (!book || missing) return found;
    const [first, ...rest] = found.words.split('\n');
    return { ...found, words: [found.mark === 'unverified' ? unverifiedWords(book) : first, ...rest, ...endWords(book)].join('\n') };
  });

  /** To the other one, where there are several. */
  turn(): void {
    if (this.pair !== null) this.wanted = !this.wanted;
  }

  /** Until the answer is called. `isSeen`: a panel that is not on the screen asks nothing. */
  watch(pair: string, isSeen: () => boolean): () => void {
    this.failure = null;
    if (this.book?.value.symbol !== pair) this.book = null;
    let current: AbortController | null = null;
    const ask = async (): Promise<void> => {
      if (current !== null || document.hidden || !store.up || !isSeen()) return;
      const own = (current = new AbortController());
      try {
        const value = await fetchBestBook(pair, DEPTH, own.signal);
        if (own.signal.aborted) return;
        this.book = { value, at: wallNow() };
        this.failure = null;
      } catch (error) {
        if (!isGivenUp(error)) this.failure = wordsOf(error);
      }
      current = null;
    };
    void ask();
    const timer = setInterval(() => void ask(), EVERY_MS);
    return () => {
      clearInterval(timer);
      current?.abort();
    };
  }
}

export const best = new Best();
