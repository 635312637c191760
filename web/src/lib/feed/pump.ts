/**
 * At most one batch on its way: the next one leaves only when the page says that it drew the last.
 *
 * The page says so once per animation frame, so a slow page gets fewer and fuller batches, and a hidden one none.
 * The desk says what it has in one breath, a frame a topic: what comes within GATHER_MS is drawn at once, in one frame.
 */
import type { Batch, Inbox } from './inbox';

export const GATHER_MS = 4;

export class Pump {
  private ready = true;
  private gathering = false;

  constructor(
    private readonly inbox: Inbox,
    private readonly send: (batch: Batch) => void,
    /** Does it a little later; at once where nobody says otherwise. */
    private readonly later: (act: () => void) => void = (act) => act(),
  ) {}

  push(): void {
    if (!this.ready || this.gathering || !this.inbox.dirty) return;
    this.gathering = true;
    this.later(() => {
      this.gathering = false;
      if (!this.ready || !this.inbox.dirty) return;
      this.ready = false;
      this.send(this.inbox.take());
    });
  }

  drawn(): void {
    this.ready = true;
    this.push();
  }
}

export function gather(act: () => void): void {
  setTimeout(act, GATHER_MS);
}
