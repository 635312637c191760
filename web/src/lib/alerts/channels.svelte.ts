/** Where alerts may go, as the desk says it; asked for when somebody looks. */
import { wordsOf } from '../api';
import * as api from './api';
import type { Channel } from './protocol';

class Channels {
  list = $state.raw<readonly Channel[] | null>(null);
  failure = $state.raw('');
  /** What came of the last test, by channel. */
  tested = $state.raw<Readonly<Record<string, { ok: boolean; said: string } | null>>>({});

  async load(): Promise<void> {
    try {
      this.list = await api.fetchChannels();
      this.failure = '';
    } catch (error) {
      this.failure = wordsOf(error).message;
    }
  }

  /** A message that says it is a test; null while it is on its way. */
  async test(name: string): Promise<void> {
    this.tested = { ...this.tested, [name]: null };
    let came: { ok: boolean; said: string };
    try {
      came = await api.testChannel(name);
    } catch (error) {
      came = { ok: false, said: wordsOf(error, api.PATIENT_MS).message };
    }
    this.tested = { ...this.tested, [name]: came };
    await this.load();
  }
}

export const channels = new Channels();
