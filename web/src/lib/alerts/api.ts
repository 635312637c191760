/** What the page asks of the desk's alerts. Every refusal is a DeskError with words, as in lib/api.ts. */
import { ask } from '../api';
import type { Micros } from '../protocol';
import type { AlertRow, AlertsAnswer, Channel, Notification, NotificationsAnswer, Preview, Rehearsal, RehearsalWish, Rule, Said, Why } from './protocol';

/** A rehearsal reads what may be days of trades, a test waits for another service. */
export const PATIENT_MS = 60_000;
const AT = '/api/v1/alerts';
const at = (name: string, more = ''): string => `${AT}/${encodeURIComponent(name)}${more}`;

export const fetchAlerts = (): Promise<AlertsAnswer> => ask(AT);

/** All of them are armed, or none. */
export async function add(said: Said | Said[], via: string[] = []): Promise<AlertRow[]> {
  const all = Array.isArray(said) ? said : [said];
  const sentences = all.flatMap(({ sentence }) => (sentence === undefined ? [] : [sentence]));
  const rules = all.flatMap(({ rule }) => (rule === undefined ? [] : [rule]));
  return (await ask<AlertsAnswer>(AT, { method: 'POST', body: { sentences, rules, via } })).alerts;
}

export const preview = (said: Said, signal?: AbortSignal): Promise<Preview> => ask(`${AT}/preview`, { method: 'POST', body: said, ...(signal && { signal }) });

export const rehearse = (wish: RehearsalWish, signal?: AbortSignal): Promise<Rehearsal> => ask(`${AT}/rehearse`, { method: 'POST', body: wish, timeoutMs: PATIENT_MS, ...(signal && { signal }) });

export const fetchAlert = (name: string): Promise<AlertRow> => ask(at(name));

/** `version`: the one that was read; somebody else's edit since is told as `alert_changed`. */
export const edit = (name: string, said: Said, version: number): Promise<AlertRow> => ask(at(name), { method: 'PUT', body: { ...said, version } });

export const pause = (name: string): Promise<AlertRow> => ask(at(name, '/pause'), { method: 'POST' });
export const resume = (name: string): Promise<AlertRow> => ask(at(name, '/resume'), { method: 'POST' });
export const remove = (name: string): Promise<void> => ask(at(name), { method: 'DELETE' });

export async function history(limit?: number, alert?: string): Promise<Notification[]> {
  const query = new URLSearchParams({ ...(limit === undefined ? {} : { limit: String(limit) }), ...(alert === undefined ? {} : { alert }) });
  return (await ask<{ alerts: Notification[] }>(`${AT}/history?${query}`)).alerts;
}

export const why = (name: string, moment?: Micros | null, signal?: AbortSignal): Promise<Why> => ask(at(name, moment == null ? '/why' : `/why?at=${moment}`), signal ? { signal } : {});

export const fetchNotifications = (): Promise<NotificationsAnswer> => ask('/api/v1/notifications');
/** `keys`: null is all of the centre. */
export const markRead = (keys: string[] | null, read = true): Promise<NotificationsAnswer> => ask('/api/v1/notifications/read', { method: 'POST', body: { keys, read } });
export const clear = (keys: string[] | null): Promise<NotificationsAnswer> => ask('/api/v1/notifications/clear', { method: 'POST', body: { keys } });

export const fetchChannels = async (): Promise<Channel[]> => (await ask<{ channels: Channel[] }>('/api/v1/channels')).channels;
export const testChannel = (name: string): Promise<{ ok: boolean; said: string }> => ask(`/api/v1/channels/${encodeURIComponent(name)}/test`, { method: 'POST', timeoutMs: PATIENT_MS });

export const pushKey = async (): Promise<string> => (await ask<{ key: string }>('/api/v1/push')).key;
export const putPush = (subscription: object): Promise<void> => ask('/api/v1/push', { method: 'PUT', body: subscription });
export const deletePush = (endpoint: string): Promise<void> => ask('/api/v1/push', { method: 'DELETE', body: { endpoint } });

export type { Rule };
