/**
 * Which toasts tell of alerts that have just fired, so that none covers the page; pure.
 *
 * Rules:
 * 1. Up to STORM alerts are shown one by one. More of them at once, or while so many still stand, become one toast that
 *    says how many; it goes on counting for as long as it stands.
 * 2. A critical one stays until somebody puts it away, and so does a toast that stands for one.
 * 3. One sound for what came together: that of the worst.
 */
import type { ToastSaid } from '../toasts';
import { doubts } from './words';
import type { Notification, Severity } from './protocol';

export const STORM = 2;
export const STORM_KEY = 'alerts';

const TONES: Record<Severity, ToastSaid['tone']> = { info: 'calm', warning: 'warn', critical: 'error' };
const RANK: Record<Severity, number> = { info: 0, warning: 1, critical: 2 };

export interface Telling {
  say: Omit<ToastSaid, 'action'>[];
  putAway: string[];
}

export function worst(rows: readonly { severity: Severity }[]): Severity {
  return rows.reduce<Severity>((found, { severity }) => (RANK[severity] > RANK[found] ? severity : found), 'info');
}

/** What an alert says of itself, with whatever must be known of how it came. */
export function lineOf(row: Notification): string {
  return [row.text, ...doubts(row)].filter(Boolean).join(' · ');
}

export class AlertTelling {
  private counted = 0;
  private severest: Severity = 'info';

  /** `standing`: keys of toasts that are on the page now. `prefix`: `[SIMULATED, seed 7] `, empty on a live source. */
  tell(rows: readonly Notification[], standing: readonly string[], lifeMs: number, prefix: string): Telling {
    if (rows.length === 0) return { say: [], putAway: [] };
    const alone = standing.filter((key) => key.startsWith('alert:'));
    const stormy = standing.includes(STORM_KEY);
    if (!stormy && alone.length + rows.length <= STORM) {
      return { say: rows.map((row) => ({ key: `alert:${row.key}`, tone: TONES[row.severity], text: prefix + row.title, hint: lineOf(row).replace(/, trade \d+/, ''), lifeMs: this.life(row.severity, lifeMs) })), putAway: [] };
    }
    if (!stormy) {
      this.counted = alone.length;
      this.severest = 'info';
    }
    this.counted += rows.length;
    this.severest = worst([{ severity: this.severest }, ...rows, ...this.known.filter((row) => alone.includes(`alert:${row.key}`))]);
    const newest = rows.at(-1) as Notification;
    const toast = { key: STORM_KEY, tone: TONES[this.severest], text: `${prefix}${this.counted} alerts have fired.`, hint: `The newest: ${newest.title}`, lifeMs: this.life(this.severest, lifeMs) };
    return { say: [toast], putAway: alone };
  }

  /** Alerts that toasts may stand for; the last are enough. */
  private known: readonly Notification[] = [];

  remember(rows: readonly Notification[]): void {
    this.known = [...this.known, ...rows].slice(-20);
  }

  private life(severity: Severity, lifeMs: number): number | null {
    return severity === 'critical' ? null : lifeMs;
  }
}
