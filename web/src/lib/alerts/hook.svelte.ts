/**
 * The little of alerts that the first view needs: how many are unread, and when the rest is loaded. The rest is
 * panels/alerts/parts.ts: loaded when there is a rule, when one fires, or when somebody asks for it.
 */
import { settings } from '../settings.svelte';
import { storage } from '../storage';
import { toasts } from '../toasts.svelte';
import type { Severity } from './protocol';

type Parts = typeof import('../../panels/alerts/parts');

/** A frame of the topics `alerts` and `notifications`; they do not wait for a picture, which a hidden page never draws. */
export interface AlertNews {
  topic: 'alerts' | 'notifications';
  snapshot: boolean;
  data: { alerts?: readonly unknown[]; fired?: readonly string[]; unread?: number };
}

/** What this browser remembers; whoever chose something there gets the rest at once. */
export const ALERTS_KEY = 'bethna.alerts';

class AlertsHook {
  unread = $state.raw(0);
  parts = $state.raw<Parts | null>(null);
  /** The alert that a notification or a link led to. */
  wanted = $state.raw<string | null>(new URLSearchParams(location.hash.slice(1)).get('alert'));
  /** How often each was to be heard, muted or not: for programs and tests. */
  readonly sounds: Record<Severity, number> = { info: 0, warning: 0, critical: 0 };
  private waiting: AlertNews[] = [];
  private loading: Promise<Parts | null> | null = null;

  hear(news: AlertNews): void {
    const { topic, snapshot, data } = news;
    if (data.unread !== undefined) this.unread = data.unread;
    if (this.parts) return this.parts.alerts.hear(news);
    this.waiting = [...(snapshot ? this.waiting.filter((other) => other.topic !== topic) : this.waiting), news];
    if (data.alerts?.length || data.fired?.length || this.wanted !== null || storage.read(ALERTS_KEY) !== null) void this.load();
  }

  load(): Promise<Parts | null> {
    return (this.loading ??= this.fetch());
  }

  private async fetch(): Promise<Parts | null> {
    try {
      const parts = await import('../../panels/alerts/parts');
      for (const news of this.waiting) parts.alerts.hear(news);
      this.waiting = [];
      return (this.parts = parts);
    } catch {
      this.loading = null;
      toasts.say({ key: 'sheets', tone: 'warn', text: 'The script of alerts could not be loaded.', hint: 'Reload the page once the desk answers.', lifeMs: 8000 });
      return null;
    }
  }

  /** The tab, and the form in it where one is wished. */
  show(): void {
    settings.deck = 'alerts';
    settings.view = 'alerts';
    void this.load();
  }

  async write(): Promise<void> {
    this.show();
    (await this.load())?.draft.begin();
  }
}

export const alertsHook = new AlertsHook();
navigator.serviceWorker?.addEventListener('message', ({ data }: MessageEvent<{ alert?: string } | null>) => {
  if (typeof data?.alert !== 'string') return;
  alertsHook.wanted = data.alert;
  void alertsHook.load();
});
