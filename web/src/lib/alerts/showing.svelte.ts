/**
 * Notifications of the browser, and Web Push: what the computer shows when nobody looks at the page.
 *
 * Rules:
 * 1. Nobody is asked for anything but on a click; a refusal is said in words, with the way to take it back.
 * 2. An alert is shown once: its key is the tag, whichever tab or push message comes first, and no tab shows it while
 *    another one is looked at.
 * 3. With every load the desk is told the subscription again; one that the browser has given up is told to the user.
 */
import { wordsOf } from '../api';
import { toasts } from '../toasts.svelte';
import * as api from './api';
import { remembered } from './remembered.svelte';
import { lineOf } from './telling';
import type { Notification as Alert } from './protocol';

const WORKER = '/sw.js';
const LOOKED_AT = 'bethna.looked-at';
/** A browser that cannot reach its push service says nothing at all. */
const SUBSCRIBE_MS = 20_000;

export type Permission = 'default' | 'granted' | 'denied' | 'unsupported';
type PushState = 'unsupported' | 'off' | 'on' | 'busy';

class Showing {
  permission = $state.raw<Permission>(permissionNow());
  push = $state.raw<PushState>(canPush() ? 'off' : 'unsupported');
  /** Why the last wish was not met; empty when it was. */
  trouble = $state.raw('');

  constructor() {
    this.keepLock();
    document.addEventListener('visibilitychange', () => this.keepLock());
    void this.watchPermission();
    if (remembered.push !== '' && canPush()) void this.resync();
  }

  get on(): boolean {
    return remembered.notify && this.permission === 'granted';
  }

  /** On a click: asks the browser where that is still open. */
  async turnNotifications(): Promise<void> {
    this.trouble = '';
    if (this.on) {
      remembered.change({ notify: false });
      return;
    }
    if (await this.allowed()) {
      remembered.change({ notify: true });
      void worker();
    }
  }

  private async allowed(): Promise<boolean> {
    if (this.permission === 'default') this.permission = await Notification.requestPermission();
    if (this.permission === 'granted') return true;
    this.trouble = refusalWords(this.permission);
    return false;
  }

  async turnPush(): Promise<void> {
    if (this.push === 'busy' || this.push === 'unsupported') return;
    const on = this.push === 'on';
    this.trouble = '';
    this.push = 'busy';
    try {
      if (on) await this.unsubscribe();
      else if (await this.allowed()) await this.subscribe();
    } catch (error) {
      this.trouble = `${on ? 'Push stays on.' : 'Push is not on.'} ${error instanceof DOMException ? pushWords(error) : wordsOf(error).message}`;
    }
    this.push = remembered.push === '' ? 'off' : 'on';
  }

  private async subscribe(): Promise<void> {
    const registration = await worker();
    if (registration === null) throw new DOMException('no worker', 'NotSupportedError');
    const key = await api.pushKey();
    const found = await subscribed(registration, key);
    await api.putPush({ ...found.toJSON(), label: browserName() });
    remembered.change({ push: found.endpoint });
  }

  private async unsubscribe(): Promise<void> {
    const endpoint = remembered.push;
    const found = await (await navigator.serviceWorker.getRegistration())?.pushManager.getSubscription();
    await api.deletePush(endpoint);
    await found?.unsubscribe();
    remembered.change({ push: '' });
  }

  /** Rule 3. */
  private async resync(): Promise<void> {
    this.push = 'on';
    try {
      const registration = await worker();
      const found = await registration?.pushManager.getSubscription();
      if (registration && found && sameKey(found, await api.pushKey())) {
        await api.putPush({ ...found.toJSON(), label: browserName() });
        if (found.endpoint !== remembered.push) remembered.change({ push: found.endpoint });
        return;
      }
      if (registration && found && this.permission === 'granted') return await this.subscribe(); // the desk has another key by now
      await api.deletePush(remembered.push);
      remembered.change({ push: '' });
      this.push = 'off';
      toasts.say({ key: 'push', tone: 'warn', text: 'Push to this browser has ended.', hint: 'The browser has given the subscription up. Turn it on again under Alerts, Where to.', lifeMs: null });
    } catch (error) {
      this.trouble = `Push could not be renewed. ${wordsOf(error).message}`;
    }
  }

  /** Rule 2. */
  async show(rows: readonly Alert[], prefix: string): Promise<void> {
    if (!this.on || document.visibilityState === 'visible' || (await anotherIsLookedAt())) return;
    const registration = await worker();
    for (const row of rows) {
      const title = prefix + row.title;
      const options = { body: lineOf(row), tag: row.key, icon: '/favicon.svg', requireInteraction: row.severity === 'critical', data: { key: row.key } };
      try {
        if (registration) await registration.showNotification(title, options);
        else new Notification(title, options).onclick = () => focus();
      } catch {
        // Taken back meanwhile: the centre has it.
      }
    }
  }

  private release: (() => void) | null = null;

  /** Held while somebody looks at this tab; other tabs ask who holds it. */
  private keepLock(): void {
    this.permission = permissionNow();
    if (document.visibilityState !== 'visible') {
      this.release?.();
      this.release = null;
    } else if (this.release === null && 'locks' in navigator) {
      const held = new Promise<void>((resolve) => (this.release = resolve));
      navigator.locks.request(LOOKED_AT, { mode: 'shared' }, () => held).catch(() => undefined);
    }
  }

  /** What somebody changes in the browser's own settings. */
  private async watchPermission(): Promise<void> {
    try {
      const status = await navigator.permissions.query({ name: 'notifications' });
      status.onchange = () => (this.permission = permissionNow());
    } catch {
      // Not told by this browser: it is read again when the page is looked at.
    }
  }
}

function permissionNow(): Permission {
  return 'Notification' in window && isSecureContext ? Notification.permission : 'unsupported';
}

function canPush(): boolean {
  return isSecureContext && 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window;
}

export function refusalWords(permission: Permission): string {
  switch (permission) {
    case 'denied':
      return 'This browser refuses notifications of this page. Allow them in its site settings (the icon beside the address), then press again.';
    case 'default':
      return 'Nothing was chosen; press again when you want to be asked.';
    case 'unsupported':
      return 'This browser has no notifications here: they need https, or the address 127.0.0.1.';
    case 'granted':
      return '';
  }
}

function pushWords(error: DOMException): string {
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'The push service of this browser does not answer; it needs the internet.';
  if (error.name === 'NotAllowedError') return refusalWords('denied');
  return 'This browser cannot be pushed to.';
}

async function worker(): Promise<ServiceWorkerRegistration | null> {
  if (!('serviceWorker' in navigator)) return null;
  try {
    await navigator.serviceWorker.register(WORKER, { updateViaCache: 'none' });
    return await navigator.serviceWorker.ready;
  } catch {
    return null;
  }
}

async function anotherIsLookedAt(): Promise<boolean> {
  if (!('locks' in navigator)) return false;
  return ((await navigator.locks.query()).held ?? []).some(({ name }) => name === LOOKED_AT);
}

async function subscribed(registration: ServiceWorkerRegistration, key: string): Promise<PushSubscription> {
  const before = await registration.pushManager.getSubscription();
  if (before && sameKey(before, key)) return before;
  await before?.unsubscribe(); // a subscription of another key cannot be used by this desk
  const late = new Promise<never>((_, refuse) => setTimeout(() => refuse(new DOMException('no answer', 'TimeoutError')), SUBSCRIBE_MS));
  return Promise.race([registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytesOf(key) }), late]);
}

function sameKey(subscription: PushSubscription, key: string): boolean {
  const mine = subscription.options?.applicationServerKey;
  if (!mine) return true; // a browser that does not tell
  const [one, other] = [new Uint8Array(mine), bytesOf(key)];
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

/** The bytes of base64url. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function browserName(): string {
  const found = /(Edg|OPR|Firefox|Chrome|Safari)\//.exec(navigator.userAgent)?.[1] ?? 'browser';
  const system = /(Windows|Macintosh|Android|iPhone|iPad|Linux)/.exec(navigator.userAgent)?.[1] ?? '';
  return `${{ Edg: 'Edge', OPR: 'Opera' }[found] ?? found}${system ? ` on ${system}` : ''}`;
}

export const showing = new Showing();
