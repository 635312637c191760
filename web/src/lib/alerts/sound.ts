/**
 * A short tone for each severity, made by the browser: no file, and none while it is muted. That one was due is counted
 * and told (`bethna-sound`) in any case; browsers let a page sound only after somebody has touched it.
 */
import { alertsHook } from './hook.svelte';
import { remembered } from './remembered.svelte';
import type { Severity } from './protocol';

declare global {
  interface WindowEventMap {
    'bethna-sound': CustomEvent<{ severity: Severity; muted: boolean }>;
  }
}

/** Notes one after the other: hertz and how long, in seconds. */
const NOTES: Record<Severity, readonly (readonly [hertz: number, seconds: number])[]> = {
  info: [[660, 0.12]],
  warning: [[660, 0.11], [880, 0.16]],
  critical: [[880, 0.13], [660, 0.13], [880, 0.13], [660, 0.22]],
};
const LOUD = 0.12;

let audio: AudioContext | null = null;

export function play(severity: Severity): void {
  const { muted } = remembered;
  alertsHook.sounds[severity] += 1;
  dispatchEvent(new CustomEvent('bethna-sound', { detail: { severity, muted } }));
  if (muted) return;
  try {
    audio ??= new AudioContext();
    if (audio.state === 'suspended') void audio.resume().catch(() => undefined);
    let at = audio.currentTime + 0.02;
    for (const [hertz, seconds] of NOTES[severity]) at = tone(audio, hertz, at, seconds);
  } catch {
    // No sound on this computer: what is to be told stands on the page.
  }
}

function tone(context: AudioContext, hertz: number, at: number, seconds: number): number {
  const oscillator = context.createOscillator();
  const volume = context.createGain();
  oscillator.frequency.value = hertz;
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(LOUD, at + 0.015);
  volume.gain.linearRampToValueAtTime(0, at + seconds); // without a click at either end
  oscillator.connect(volume).connect(context.destination);
  oscillator.start(at);
  oscillator.stop(at + seconds);
  return at + seconds;
}
