/**
 * What of a venue's quota of requests is used, and by whom: this desk, other processes of the same user, others at the same address.
 *
 * It knows the venue's count and the desk's (docs/explanation/quota.md); who the others are it does not know.
 */
import { formatCount, MISSING } from './format';
import type { VenueHealth } from './protocol';

type Quota = Pick<VenueHealth, 'quota_used' | 'quota_limit' | 'quota_own' | 'quota_foreign' | 'quota_processes'>;

/** From these shares on history waits, and then books and trades that are missing. */
const TIGHT = 0.8;
const FULL = 0.95;

/** 120/6,000 */
export function quotaShown(venue: Quota): string {
  if (venue.quota_used === null) return MISSING;
  return venue.quota_limit === null ? formatCount(venue.quota_used) : `${formatCount(venue.quota_used)}/${formatCount(venue.quota_limit)}`;
}

export function quotaTone(venue: Quota): '' | 'warn' | 'bad' {
  if (venue.quota_used === null || !venue.quota_limit) return '';
  const share = venue.quota_used / venue.quota_limit;
  return share >= FULL ? 'bad' : share >= TIGHT ? 'warn' : '';
}

function parts(venue: Quota): { own: number; siblings: number; foreign: number } {
  const own = venue.quota_own ?? 0;
  const foreign = venue.quota_foreign ?? 0;
  return { own, foreign, siblings: Math.max(0, (venue.quota_used ?? 0) - own - foreign) };
}

/** By whom, whether anybody else asks or not. */
export function quotaWords(venue: Quota): string {
  if (venue.quota_used === null) return 'the quota of requests is not known yet';
  const { own, siblings, foreign } = parts(venue);
  const others = (venue.quota_processes ?? 1) - 1;
  const yours = others > 0 ? `${formatCount(siblings)} by ${others === 1 ? 'another process' : `${formatCount(others)} other processes`} of yours` : siblings > 0 ? `${formatCount(siblings)} by processes of yours that have ended` : '';
  const said = [`${formatCount(own)} by this desk`, yours, foreign > 0 ? `${formatCount(foreign)} by others at this address` : ''].filter(Boolean);
  const tone = quotaTone(venue);
  const waits = tone === 'bad' ? 'Requests wait for the next minute.' : tone === 'warn' ? 'History waits for the next minute.' : '';
  return `Quota ${quotaShown(venue)} in the venue’s minute: ${said.join(', ')}.${waits ? ` ${waits}` : ''}`;
}

/** Worth a line of its own: somebody else uses it, or it is nearly used up. */
export function quotaLine(venue: Quota): string {
  if (venue.quota_used === null) return '';
  const { siblings, foreign } = parts(venue);
  const shared = siblings > 0 || foreign > 0 || (venue.quota_processes ?? 1) > 1;
  return shared || quotaTone(venue) !== '' ? quotaWords(venue) : '';
}
