/** The one time that ages and waits are counted by. */

/**
 * Milliseconds on a line that a worker and its page share and that a corrected host clock does not bend.
 */
export function wallNow(): number {
  return performance.timeOrigin + performance.now();
}
