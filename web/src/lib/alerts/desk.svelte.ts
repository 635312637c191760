/**
 * The armed rules and the notification centre as the desk has them, and what is done with both. Nothing is judged here.
 *
 * Rules:
 * 1. The desk's word counts: what somebody reads or clears here is shown when the desk has said it, on every page alike.
 * 2. An alert is told by this page once: when it fires, or when the page hears the desk again after it has fired.
 */
import { DeskError, wordsOf } from '../api';
import { settings } from '../settings.svelte';
import { store } from '../store.svelte';
import { toasts } from '../toasts.svelte';
import * as api from './api';
import { alertsHook, type AlertNews } from './hook.svelte';
import { play } from './sound';
import { showing } from './showing.svelte';
import { STORM_KEY, AlertTelling, worst } from './telling';
import type { AlertRow, AlertsAnswer, AlertsDelta, Limits, Notification, NotificationsAnswer, NotificationsDelta, Rule } from './protocol';

const UNDO_MS = 12_000;
const TOLD_MS = 9_000;
const TOAST_S = 5;

class Alerts {
  rows = $state.raw<readonly AlertRow[]>([]);
  /** The desk has said which rules there are. */
  known = $state.raw(false);
  limits = $state.raw<Limits | null>(null);
  /** Newest last, as the desk tells them. */
  centre = $state.raw<readonly Notification[]>([]);
  centreKnown = $state.raw(false);
  /** Rules with a question under way. */
  busy = $state.raw<ReadonlySet<string>>(new Set());
  private readonly turning = new Map<string, Promise<void>>();
  /** What the why-sheet is about. */
  asked = $state.raw<{ name: string; at: number | null } | null>(null);
  private readonly telling = new AlertTelling();

  hear({ topic, snapshot, data }: AlertNews): void {
    if (topic === 'alerts') this.hearRules(data as unknown as AlertsAnswer | AlertsDelta, snapshot);
    else this.hearCentre(data as unknown as NotificationsAnswer | NotificationsDelta, snapshot);
  }

  private hearRules(data: AlertsAnswer | AlertsDelta, snapshot: boolean): void {
    this.limits = data.limits;
    if (snapshot) {
      this.rows = data.alerts;
      this.known = true;
      return;
    }
    const gone = new Set('removed' in data ? data.removed : []);
    this.rows = merged(this.rows, data.alerts, (row) => row.name).filter((row) => !gone.has(row.name));
  }

  private hearCentre(data: NotificationsAnswer | NotificationsDelta, snapshot: boolean): void {
    const before = new Set(this.centre.map((row) => row.key));
    const wasKnown = this.centreKnown;
    alertsHook.unread = data.unread;
    if (snapshot) {
      this.centre = data.notifications;
      this.centreKnown = true;
      if (wasKnown) this.tell(data.notifications.filter((row) => !before.has(row.key) && !row.read)); // rule 2
      return;
    }
    const { fired, removed } = data as NotificationsDelta;
    const gone = new Set(removed);
    this.centre = merged(this.centre, data.notifications, (row) => row.key).filter((row) => !gone.has(row.key));
    this.tell(this.centre.filter((row) => fired.includes(row.key)));
  }

  private tell(rows: readonly Notification[]): void {
    if (rows.length === 0) return;
    const mark = markOfSource();
    const lifeMs = (this.limits?.toast_s ?? TOAST_S) * 1000;
    const { say, putAway } = this.telling.tell(rows, toasts.list.map(({ key }) => key), lifeMs, mark === '' ? '' : `${mark.split(',')[0]}: `);
    this.telling.remember(rows);
    for (const key of putAway) toasts.putAway(key);
    for (const toast of say) toasts.say({ ...toast, action: { title: 'Show', run: () => this.showAlert(toast.key) } });
    play(worst(rows)); // of what came together
    void showing.show(rows, mark === '' ? '' : `[${mark}] `);
  }

  private showAlert(toast: string): void {
    toasts.putAway(toast);
    alertsHook.wanted = toast === STORM_KEY ? '' : toast.replace('alert:', '');
  }

  row(name: string): AlertRow | null {
    return this.rows.find((row) => row.name === name) ?? null;
  }

  /** What the desk answered, before the topic says the same. */
  take(row: AlertRow): void {
    this.rows = merged(this.rows, [row], (each) => each.name);
  }

  async pause(row: AlertRow): Promise<void> {
    await this.doing(row.name, `${row.name} stays as it is.`, async () => this.take(await (row.phase === 'paused' ? api.resume : api.pause)(row.name)));
  }

  /** Removed at once; the way back arms the same rule anew, under a new name. */
  async remove(row: AlertRow): Promise<void> {
    await this.doing(row.name, `${row.name} stays.`, async () => {
      if (!this.rows.some(({ name }) => name === row.name)) return; // a second wish for the same
      await api.remove(row.name);
      this.rows = this.rows.filter(({ name }) => name !== row.name);
      const key = `removed:${row.name}`;
      const run = (): void => {
        toasts.putAway(key);
        void this.doing(row.name, `${row.name} is not armed again.`, async () => {
          for (const again of await api.add({ rule: row.rule })) this.take(row.phase === 'paused' ? await api.pause(again.name) : again);
        });
      };
      toasts.say({ key, tone: 'calm', text: `${row.name} is removed.`, hint: row.sentence, lifeMs: UNDO_MS, action: { title: 'Undo', run } });
    });
  }

  /** Another rule in its place. Null when it went well; who was overtaken is told, and gets how it stands now. */
  async put(row: Pick<AlertRow, 'name' | 'version'>, rule: Rule): Promise<DeskError | null> {
    try {
      this.take(await api.edit(row.name, { rule }, row.version));
      return null;
    } catch (error) {
      const refused = wordsOf(error);
      if (refused.code === 'alert_changed') await this.reread(row.name);
      return refused;
    }
  }

  private async reread(name: string): Promise<void> {
    try {
      this.take(await api.fetchAlert(name));
    } catch {
      // The topic tells it, or that it is gone.
    }
  }

  async mark(keys: string[] | null, read: boolean): Promise<void> {
    await this.doing('', 'Nothing was marked.', async () => void (await api.markRead(keys, read)));
  }

  async clear(keys: string[] | null): Promise<void> {
    await this.doing('', 'Nothing was cleared.', async () => void (await api.clear(keys)));
  }

  why(name: string, at: number | null = null): void {
    this.asked = { name, at };
  }

  /** Onto the chart with what a rule is about. */
  look(instrument: string | null): void {
    if (instrument !== null && (store.instruments ?? []).includes(instrument)) settings.setInstrument(instrument);
  }

  /** A second wish about a rule comes after the first: the desk's own word may be here before its answer. */
  private async doing(name: string, stays: string, act: () => Promise<void>): Promise<void> {
    const before = this.turning.get(name);
    const turn = (async () => {
      await before;
      await this.attempt(name, stays, act);
    })();
    if (name !== '') this.turning.set(name, turn);
    await turn;
    if (this.turning.get(name) === turn) this.turning.delete(name);
  }

  private async attempt(name: string, stays: string, act: () => Promise<void>): Promise<void> {
    this.busy = new Set([...this.busy, name]);
    try {
      await act();
    } catch (error) {
      const refused = wordsOf(error);
      toasts.say({ key: 'refused', tone: 'error', text: `${stays} ${refused.message}`, ...(refused.hint ? { hint: refused.hint } : {}), lifeMs: TOLD_MS });
    } finally {
      this.busy = new Set([...this.busy].filter((other) => other !== name));
    }
  }
}

/** Those that are known, each as it is now, and new ones at the end. */
export function merged<T>(before: readonly T[], changed: readonly T[], nameOf: (row: T) => string): T[] {
  const now = new Map(changed.map((row) => [nameOf(row), row]));
  const kept = before.map((row) => now.get(nameOf(row)) ?? row);
  const names = new Set(before.map(nameOf));
  return [...kept, ...changed.filter((row) => !names.has(nameOf(row)))];
}

/** What every message from a source that is not the live market begins with; empty on a live one. */
export function markOfSource(): string {
  const health = store.health?.value;
  if (health?.source === 'twin') return health.simulation?.seed == null ? 'SIMULATED' : `SIMULATED, seed ${health.simulation.seed}`;
  return health?.source === 'tape' ? 'TAPE' : '';
}

export const alerts = new Alerts();
