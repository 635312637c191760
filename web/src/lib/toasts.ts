/**
 * What is said for a moment in a corner of the page: few at once, and none is lost while somebody reads.
 *
 * Rules:
 * 1. At most three. A fourth takes the place of the oldest that passes and offers nothing to do, else of the oldest that
 *    passes, else of the oldest.
 * 2. One key is one matter: what is said later of it takes the place of what was said before, and begins anew.
 * 3. Time passes only while nobody holds them, with the pointer or the focus.
 * 4. One without a life stays until another takes its place or somebody puts it away.
 */

export const MOST = 3;
/** A longer silence between two looks was a page that nobody saw. */
const LONGEST_STEP_MS = 1500;

export interface ToastSaid {
  key: string;
  tone: 'calm' | 'good' | 'warn' | 'error';
  text: string;
  /** The one thing to do, in words. */
  hint?: string;
  lifeMs: number | null;
  action?: { title: string; run: () => void };
}

export interface Toast extends ToastSaid {
  id: number;
  leftMs: number | null;
}

export class ToastQueue {
  private shown: readonly Toast[] = [];
  private nextId = 1;

  /** Oldest first; a new array whenever something changed. */
  get list(): readonly Toast[] {
    return this.shown;
  }

  say(said: ToastSaid): void {
    const toast = { ...said, id: this.nextId++, leftMs: said.lifeMs };
    const at = this.shown.findIndex((other) => other.key === said.key);
    if (at >= 0) {
      this.shown = this.shown.with(at, toast); // rule 2
      return;
    }
    const kept = [...this.shown];
    if (kept.length >= MOST) {
      const passing = kept.findIndex((other) => other.leftMs !== null);
      const idle = kept.findIndex((other) => other.leftMs !== null && other.action === undefined);
      kept.splice(Math.max(0, idle < 0 ? passing : idle), 1); // rule 1
    }
    this.shown = [...kept, toast];
  }

  putAway(key: string): void {
    if (this.shown.some((toast) => toast.key === key)) this.shown = this.shown.filter((toast) => toast.key !== key);
  }

  pass(ms: number, held: boolean): void {
    if (held || this.shown.length === 0) return; // rule 3
    const step = Math.min(LONGEST_STEP_MS, Math.max(0, ms));
    const passed = this.shown.map((toast) => (toast.leftMs === null ? toast : { ...toast, leftMs: toast.leftMs - step })); // rule 4
    const alive = passed.filter((toast) => toast.leftMs === null || toast.leftMs > 0);
    this.shown = alive;
  }
}
