import { afterEach, describe, expect, it, vi } from 'vitest';
import { DeskError, fetchStory, fetchSymbols, follow, isGivenUp, unfollow, wordsOf } from '../src/lib/api';

/** What was asked, and an answer for it. */
function answering(status: number, body: unknown): { url: string; init: RequestInit }[] {
  const asked: { url: string; init: RequestInit }[] = [];
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    asked.push({ url, init });
    return Promise.resolve(new Response(body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body), { status }));
  });
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

describe('asking the desk', () => {
  it('spells whatever was typed so that no path or query is broken by it', async () => {
    const asked = answering(200, { watchlist: [] });
    await follow('BTC/USDT?x=1#y');
    await unfollow('ΒΤC ../..');
    await fetchSymbols('a&b=c', 5).catch(() => undefined);
    await fetchStory({ figure: 'candle', instrument: 'BTC-USDT@binance', interval: '1m', openTime: 17 });
    expect(asked.map(({ init, url }) => `${init.method} ${url}`)).toEqual([
      'PUT /api/v1/watchlist/BTC%2FUSDT%3Fx%3D1%23y',
      'DELETE /api/v1/watchlist/%CE%92%CE%A4C%20..%2F..',
      'GET /api/v1/symbols?query=a%26b%3Dc&limit=5',
      'GET /api/v1/story?figure=candle&instrument=BTC-USDT%40binance&interval=1m&open_time=17',
    ]);
  });

  it('tells a refusal in the desk’s own words', async () => {
    answering(404, { error: { code: 'unknown_instrument', message: 'binance does not list FOO-USDT', hint: 'nearest: FOOTUSDT' } });
    const refused = await follow('FOO').catch(wordsOf);
    expect(refused).toBeInstanceOf(DeskError);
    expect(refused).toMatchObject({ code: 'unknown_instrument', message: 'binance does not list FOO-USDT', hint: 'nearest: FOOTUSDT' });
  });

  it('tells what is no answer of a desk by its status, and takes none where none is due', async () => {
    answering(502, '<html>');
    expect(await follow('A').catch(wordsOf)).toMatchObject({ code: 'http_502' });
    answering(200, '<html>');
    expect(await follow('A').catch(wordsOf)).toMatchObject({ code: 'http_200' });
    answering(204, undefined);
    expect(await unfollow('A')).toBeNull();
  });

  it('has words for a desk that is away or slow, and none for what the page gave up', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
    const away = await follow('A').catch(wordsOf);
    expect(away).toMatchObject({ code: 'unreachable', message: 'The desk does not answer.' });
    expect(wordsOf(new DOMException('', 'TimeoutError')).message).toContain('within 10 s');
    expect(isGivenUp(new DOMException('', 'AbortError'))).toBe(true);
    expect(isGivenUp(new DOMException('', 'TimeoutError'))).toBe(false);
    vi.stubGlobal('fetch', (_: string, { signal }: RequestInit) => new Promise((_done, fail) => signal?.addEventListener('abort', () => fail(signal.reason as Error))));
    const given = new AbortController();
    const asking = fetchSymbols('a', 1, given.signal).catch((error: unknown) => error);
    given.abort();
    expect(isGivenUp(await asking)).toBe(true);
  });
});
