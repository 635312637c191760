/** The story that is open: which number it is of, where that number stands, and the desk's answer. */
import { fetchStory, isGivenUp, wordsOf, type DeskError, type StoryWish } from './api';
import type { StoryAnswer } from './protocol';
import { wallNow } from './time';

class Story {
  wish = $state.raw<StoryWish | null>(null);
  answer = $state.raw<StoryAnswer | null>(null);
  failure = $state.raw<DeskError | null>(null);
  /** When the answer came, for its age. */
  at = $state.raw(0);
  /** Where the number stood when it was asked about. */
  place = $state.raw<DOMRect | null>(null);
  private anchor: HTMLElement | null = null;
  private asked: AbortController | null = null;

  tell(wish: StoryWish, anchor: HTMLElement): void {
    const again = this.wish !== null && this.anchor === anchor && this.wish.figure === wish.figure && this.wish.openTime === wish.openTime;
    this.close();
    if (again) return; // a second press on the number puts its story away
    this.anchor = anchor;
    this.place = anchor.getBoundingClientRect();
    this.wish = wish;
    void this.ask();
  }

  /** The same number as it is now. */
  async ask(): Promise<void> {
    const wish = this.wish;
    if (wish === null) return;
    this.asked?.abort();
    const mine = new AbortController();
    this.asked = mine;
    try {
      const answer = await fetchStory(wish, mine.signal);
      if (this.asked !== mine) return;
      this.answer = answer;
      this.failure = null;
      this.at = wallNow();
    } catch (error) {
      if (this.asked === mine && !isGivenUp(error)) this.failure = wordsOf(error);
    }
  }

  holds(target: EventTarget | null): boolean {
    return this.anchor !== null && target instanceof Node && this.anchor.contains(target);
  }

  close({ focus = false }: { focus?: boolean } = {}): void {
    const anchor = this.anchor;
    this.asked?.abort();
    this.asked = null;
    this.wish = this.answer = this.failure = this.place = this.anchor = null;
    if (focus) anchor?.focus();
  }
}

export const story = new Story();
