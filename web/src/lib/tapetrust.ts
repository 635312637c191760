/**
 * How complete the trades of the panel are, by all that was heard: the desk's newest certificate and the gaps said since.
 *
 * Rules:
 * 1. A certificate comes with a snapshot of the trades and with each report of health; the newest counts. One that
 *    knows nothing does not take the place of one that does.
 * 2. A gap is said at once, a certificate comes once a second: what was said counts until a certificate lists those ids.
 * 3. A gap that is found or marked makes it incomplete, one that is healed makes it healed; what the desk certifies
 *    is never made better, only worse.
 */
import type { Coverage, CoverageState, Gap, TapeItem } from './protocol';

/** Strongest first, as the desk ranks them. */
const STATES: readonly CoverageState[] = ['complete', 'healed', 'unverified', 'incomplete', 'unknown'];
/** Of the gaps that no certificate lists; the oldest open ones stay, so that the word does. */
const MOST_SAID = 50;

function sameIds(one: Gap, other: Gap): boolean {
  if (one.stream !== other.stream) return false;
  if (one.first_id === null || other.first_id === null) return one.first_id === other.first_id && one.start === other.start;
  if (!/^\d+$/.test(one.first_id) || !/^\d+$/.test(other.first_id)) return one.first_id === other.first_id;
  const [first, last, begin, end] = [one.first_id, one.last_id ?? one.first_id, other.first_id, other.last_id ?? other.first_id].map(BigInt) as [bigint, bigint, bigint, bigint];
  return first <= end && begin <= last;
}

function weaker(one: CoverageState, other: CoverageState): CoverageState {
  return STATES.indexOf(one) >= STATES.indexOf(other) ? one : other;
}

export class TapeTrust {
  private certificate: Coverage | null = null;
  private said: readonly Gap[] = [];
  /** What the panel shows; the same again while nothing changed. */
  coverage: Coverage | null = null;

  clear(): void {
    this.certificate = null;
    this.said = [];
    this.coverage = null;
  }

  /** All of the trades anew: what was said before belongs to what is gone. */
  reset(certificate: Coverage | undefined): void {
    this.certificate = certificate ?? null;
    this.said = [];
    this.judge();
  }

  /** With a report of health. */
  certify(certificate: Coverage | undefined): void {
    if (certificate?.state === undefined || certificate.state === 'unknown') return; // rule 1
    this.certificate = certificate;
    const listed = (certificate.gaps ?? []).filter((gap) => gap.stream === 'trades');
    this.said = this.said.filter((gap) => !listed.some((other) => sameIds(gap, other))); // rule 2
    this.judge();
  }

  hear(items: readonly TapeItem[]): void {
    const gaps = items.filter((item) => item.kind === 'gap');
    if (gaps.length === 0) return;
    for (const { kind: _, said, ...gap } of gaps) {
      const now = { ...gap, healed: said === undefined ? gap.healed : said === 'healed' };
      this.said = [...this.said.filter((other) => !sameIds(other, now)), now];
    }
    if (this.said.length > MOST_SAID) this.said = [...this.said].sort((a, b) => Number(a.healed) - Number(b.healed)).slice(0, MOST_SAID);
    this.judge();
  }

  private judge(): void {
    const certificate = this.certificate;
    if (certificate === null && this.said.length === 0) {
      this.coverage = null;
      return;
    }
    const listed = certificate?.gaps ?? [];
    const ofTrades = listed.filter((gap) => gap.stream === 'trades');
    const gaps = [...ofTrades.filter((gap) => !this.said.some((other) => sameIds(gap, other))), ...this.said];
    let state = certificate?.state ?? 'unknown';
    if (gaps.some((gap) => !gap.healed)) state = state === 'unknown' ? 'incomplete' : weaker(state, 'incomplete'); // rule 3
    else if (gaps.length > 0) state = this.healedState(state, listed, gaps);
    this.coverage = { ...certificate, state, gaps: gaps.length > 0 ? gaps : listed };
  }

  /** Incomplete for the one gap that was healed since is incomplete no more; for any other reason it stays so. */
  private healedState(state: CoverageState, listed: readonly Gap[], gaps: readonly Gap[]): CoverageState {
    const open = listed.filter((gap) => !gap.healed);
    const filled = open.length > 0 && open.every((gap) => gaps.some((other) => other.healed && sameIds(gap, other)));
    return state === 'incomplete' && filled ? 'healed' : weaker(state, 'healed');
  }
}
