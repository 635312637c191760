/** How long to wait before the next attempt; pure, so that its bounds can be tested. */

export const FIRST_DELAY_MS = 500;
export const LONGEST_DELAY_MS = 10_000;

/**
 * Doubling, capped, with the upper half random: many pages that lost one desk do not return in one instant,
 * and no attempt follows the last at once.
 */
export function backoffDelay(attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt, 16));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
