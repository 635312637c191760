import { describe, expect, it } from 'vitest';
import { MOST, ToastQueue, type ToastSaid } from '../src/lib/toasts';

function said(key: string, change: Partial<ToastSaid> = {}): ToastSaid {
  return { key, tone: 'calm', text: key, lifeMs: 5000, ...change };
}

const undo = { title: 'Undo', run: () => undefined };

function keys(queue: ToastQueue): string[] {
  return queue.list.map((toast) => toast.key);
}

describe('toasts', () => {
  it('are three at most, and what offers something to do stays longest', () => {
    const queue = new ToastQueue();
    queue.say(said('undo', { action: undo }));
    for (const key of ['a', 'b', 'c']) queue.say(said(key));
    expect(keys(queue)).toEqual(['undo', 'b', 'c']);
    const full = new ToastQueue();
    for (const key of ['1', '2', '3', '4']) full.say(said(key, { action: undo }));
    expect(keys(full)).toEqual(['2', '3', '4']);
  });

  it('of one matter take each other’s place and begin anew', () => {
    const queue = new ToastQueue();
    queue.say(said('gap', { text: 'missing' }));
    queue.say(said('other'));
    queue.pass(1000, false);
    queue.say(said('gap', { text: 'healed' }));
    expect(keys(queue)).toEqual(['gap', 'other']);
    expect(queue.list[0]).toMatchObject({ text: 'healed', leftMs: 5000 });
    expect(queue.list[1]).toMatchObject({ leftMs: 4000 });
  });

  it('do not go while somebody holds them, nor while nobody saw the page', () => {
    const queue = new ToastQueue();
    queue.say(said('a', { lifeMs: 3000 }));
    for (let i = 0; i < 100; i += 1) queue.pass(1000, true);
    expect(keys(queue)).toEqual(['a']);
    queue.pass(60_000, false); // a page in the background
    expect(keys(queue)).toEqual(['a']);
    queue.pass(1000, false);
    queue.pass(1000, false);
    expect(keys(queue)).toEqual([]);
  });

  it('without a life stay until they are put away', () => {
    const queue = new ToastQueue();
    queue.say(said('link', { lifeMs: null }));
    for (let i = 0; i < 1000; i += 1) queue.pass(1000, false);
    expect(keys(queue)).toEqual(['link']);
    queue.putAway('link');
    queue.putAway('link');
    expect(keys(queue)).toEqual([]);
  });

  it('give way to others only where they would pass by themselves', () => {
    const queue = new ToastQueue();
    queue.say(said('critical', { lifeMs: null }));
    for (const key of ['a', 'b', 'c', 'd']) queue.say(said(key, { action: undo }));
    expect(keys(queue)).toEqual(['critical', 'c', 'd']);
  });

  it('keep to their number whatever is said in whatever order', () => {
    let seed = 7;
    const dice = (sides: number): number => (seed = (seed * 48271) % 2147483647) % sides;
    const queue = new ToastQueue();
    for (let i = 0; i < 5000; i += 1) {
      const key = `k${dice(8)}`;
      const fate = dice(4);
      if (fate === 0) queue.putAway(key);
      else if (fate === 1) queue.pass(dice(2000), dice(5) === 0);
      else queue.say(said(key, { lifeMs: dice(3) === 0 ? null : dice(4000) + 1, ...(dice(2) ? { action: undo } : {}) }));
      expect(queue.list.length).toBeLessThanOrEqual(MOST);
      expect(new Set(keys(queue)).size).toBe(queue.list.length);
      if (fate > 1) expect(keys(queue)).toContain(key); // what was said last is never what goes
    }
  });
});
