/** The way from a simulated market into the live one: asked for once, by a person, and then the page begins anew. */
import { restartIntoLive } from './api';

class Restart {
  /** Somebody asked for it, and the desk has not gone yet. */
  asked = $state.raw(false);
  /** Why it could not be asked for. */
  failure = $state.raw('');
  /** The offer was put away; it stays in Health. */
  later = $state.raw(false);

  async ask(): Promise<void> {
    this.asked = true;
    this.failure = '';
    try {
      await restartIntoLive();
    } catch (error) {
      this.asked = false;
      this.failure = error instanceof Error ? error.message : String(error);
    }
  }
}

export const restart = new Restart();
