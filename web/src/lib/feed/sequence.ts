/**
 * Does a topic's frame follow the one before it?
 *
 * Rules:
 * 1. A snapshot always counts and sets the number to count from.
 * 2. Before a topic's snapshot nothing else counts (it belongs to a subscription that was given up).
 * 3. A frame whose number is not the last one plus one is a hole: what was built on it can no longer be trusted.
 */

export type Verdict = 'take' | 'skip' | 'hole';

export class Sequence {
  private last: number | null = null;

  check(type: 'snapshot' | 'delta' | 'status', seq: number): Verdict {
    if (type === 'snapshot') {
      this.last = seq; // rule 1
      return 'take';
    }
    if (this.last === null) return 'skip'; // rule 2
    if (seq !== this.last + 1) {
      this.last = null;
      return 'hole'; // rule 3
    }
    this.last = seq;
    return 'take';
  }

  forget(): void {
    this.last = null;
  }
}
