/** `window.bethna.alerts`: the same verbs as everywhere, as promises; docs/reference/page.md says what each takes. */
import * as api from './api';
import type { AlertRow, Notification, Preview, Rehearsal, RehearsalWish, Rule, Said, Why } from './protocol';

/** A sentence or a typed rule. */
type Wish = string | Rule;

const said = (wish: Wish): Said => (typeof wish === 'string' ? { sentence: wish } : { rule: wish });
const micros = (at: number | string | Date | null | undefined): number | null => (at == null ? null : typeof at === 'number' ? at : new Date(at).getTime() * 1000);

export const verbs = {
  /** One, or several: then all are armed or none. */
  add: (wish: Wish | Wish[], { via = [] }: { via?: string[] } = {}): Promise<AlertRow[]> => api.add(Array.isArray(wish) ? wish.map(said) : said(wish), via),
  list: async (): Promise<AlertRow[]> => (await api.fetchAlerts()).alerts,
  /** Without a version the newest one is replaced, whoever made it. */
  edit: async (name: string, wish: Wish, { version }: { version?: number } = {}): Promise<AlertRow> => api.edit(name, said(wish), version ?? (await api.fetchAlert(name)).version),
  pause: (name: string): Promise<AlertRow> => api.pause(name),
  resume: (name: string): Promise<AlertRow> => api.resume(name),
  remove: (name: string): Promise<void> => api.remove(name),
  history: ({ limit, alert }: { limit?: number; alert?: string } = {}): Promise<Notification[]> => api.history(limit, alert),
  /** `at`: microseconds UTC, an ISO text or a Date. */
  why: (name: string, { at }: { at?: number | string | Date } = {}): Promise<Why> => api.why(name, micros(at)),
  rehearse: (wish: Wish, more: Omit<RehearsalWish, keyof Said> = {}): Promise<Rehearsal> => api.rehearse({ ...said(wish), ...more }),
  preview: (wish: Wish): Promise<Preview> => api.preview(said(wish)),
};

export type AlertsConsole = typeof verbs;
