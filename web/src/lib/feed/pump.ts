/**
 * At most one batch on its way: the next one leaves only when the page says that it drew the last.
 *
 * The page says so once per animation frame, so a slow page gets fewer and fuller batches, and a hidden one none.
 */
import type { Batch, Inbox } from './inbox';

export class Pump {
  private ready = true;

  constructor(
    private readonly inbox: Inbox,
    private readonly send: (batch: Batch) => void,
  ) {}

  push(): void {
    if (!this.ready || !this.inbox.dirty) return;
    this.ready = false;
    this.send(this.inbox.take());
  }

  drawn(): void {
    this.ready = true;
    this.push();
  }
}
