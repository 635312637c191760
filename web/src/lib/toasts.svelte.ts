/** The page's toasts: one queue, moved by the page's own tick. */
import { ToastQueue, type Toast, type ToastSaid } from './toasts';
import { wallNow } from './time';

class Toasts {
  list = $state.raw<readonly Toast[]>([]);
  /** The pointer or the focus is on them. */
  held = $state.raw(false);
  private readonly queue = new ToastQueue();
  private before = wallNow();

  say(said: ToastSaid): void {
    this.queue.say(said);
    this.list = this.queue.list;
  }

  putAway(key: string): void {
    this.queue.putAway(key);
    this.list = this.queue.list;
    if (this.list.length === 0) this.held = false; // what was held is gone, and nothing tells when the pointer leaves it
  }

  tick(now: number): void {
    this.queue.pass(now - this.before, this.held);
    this.before = now;
    if (this.list !== this.queue.list) this.list = this.queue.list;
  }
}

export const toasts = new Toasts();
