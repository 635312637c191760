/** The desk's sockets to its venues, asked for only while somebody looks at them. */
import { fetchConnections, isGivenUp, wordsOf, type DeskError } from './api';
import type { DeskConnection } from './protocol';
import { store } from './store.svelte';
import { wallNow } from './time';

const EVERY_MS = 2000;

export function keyOf(connection: DeskConnection): string {
  return `${connection.venue}#${connection.number}`;
}

class Connections {
  list = $state.raw<readonly DeskConnection[] | null>(null);
  failure = $state.raw<DeskError | null>(null);
  /** When the list came, for ages. */
  at = $state.raw(0);
  /** Messages a second since the list before. */
  rates = $state.raw<Record<string, number>>({});

  /** Until the answer is called. A page in the background and one that does not hear its desk ask nothing. */
  watch(): () => void {
    let current: AbortController | null = null;
    const ask = async (): Promise<void> => {
      if (current !== null || document.hidden || !store.up) return;
      current = new AbortController();
      try {
        this.take(await fetchConnections(current.signal));
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

  private take(list: DeskConnection[]): void {
    const now = wallNow();
    const before = new Map((this.list ?? []).map((one) => [keyOf(one), one]));
    const seconds = (now - this.at) / 1000;
    const rates: Record<string, number> = {};
    for (const one of list) {
      const old = before.get(keyOf(one));
      if (old && old.opened_at === one.opened_at && seconds > 0) rates[keyOf(one)] = Math.max(0, one.messages - old.messages) / seconds;
    }
    this.list = list;
    this.rates = rates;
    this.at = now;
    this.failure = null;
  }

  /** How late an instrument's newest was: the latest of the connections that carry it. */
  lagOf(instrument: string): number | null {
    return this.worstLag((one) => one.instruments.includes(instrument));
  }

  /** The latest of a venue's connections. */
  lagOfVenue(venue: string): number | null {
    return this.worstLag((one) => one.venue === venue);
  }

  private worstLag(asked: (one: DeskConnection) => boolean): number | null {
    const lags = (this.list ?? []).filter(asked).map((one) => one.lag_ms);
    return lags.reduce((worst, lag) => (lag === null ? worst : Math.max(worst ?? -Infinity, lag)), null);
  }
}

export const connections = new Connections();
