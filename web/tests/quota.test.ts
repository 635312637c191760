import { expect, it } from 'vitest';
import { quotaLine, quotaShown, quotaTone, quotaWords } from '../src/lib/quota';

const quota = (change: object = {}) => ({ quota_used: 250, quota_limit: 6000, quota_own: 250, quota_foreign: 0, quota_processes: 1, ...change });

it('is told in a line only where others use it too, or where little is left', () => {
  expect(quotaLine(quota())).toBe('');
  expect(quotaLine(quota({ quota_used: null }))).toBe('');
  expect(quotaLine(quota({ quota_processes: 2 }))).not.toBe('');
  expect(quotaLine(quota({ quota_foreign: 20 }))).not.toBe('');
  expect(quotaLine(quota({ quota_used: 4800, quota_own: 4800 }))).toBe('Quota 4,800/6,000 in the venue’s minute: 4,800 by this desk. History waits for the next minute.');
});

it('says by whom, and the parts make the whole', () => {
  expect(quotaWords(quota({ quota_own: 100, quota_foreign: 20, quota_processes: 2 }))).toBe(
    'Quota 250/6,000 in the venue’s minute: 100 by this desk, 130 by another process of yours, 20 by others at this address.',
  );
  expect(quotaWords(quota({ quota_own: 100, quota_processes: 3 }))).toContain('150 by 2 other processes of yours');
  expect(quotaWords(quota({ quota_own: 100 }))).toContain('150 by processes of yours that have ended');
  expect(quotaWords(quota({ quota_used: null }))).toBe('the quota of requests is not known yet');
});

it('is amber where history waits and red where everything does', () => {
  const tones = [4799, 4800, 5699, 5700].map((quota_used) => quotaTone(quota({ quota_used })));
  expect(tones).toEqual(['', 'warn', 'warn', 'bad']);
  expect(quotaTone(quota({ quota_limit: null }))).toBe('');
  expect(quotaShown(quota({ quota_limit: null }))).toBe('250');
  expect(quotaShown(quota({ quota_used: null }))).toBe('—');
});
