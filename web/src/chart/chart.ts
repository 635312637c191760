/**
 * The candle chart: bars in, pixels out. Wraps lightweight-charts, which is loaded only when the chart is looked at.
 *
 * Rules:
 * 1. Time is linear: an interval of which nobody knows keeps its place, empty and hatched. Its axis reads as `axis.ts` says.
 * 2. What the reader looks at stays where it is, whatever comes before it or heals; who looks at the newest bar follows it.
 * 3. A quiet bar is a faint line, one that lacks trades is hollow under its hatch, one that another venue lent is pale.
 */
import type {
  CandlestickData,
  HistogramData,
  IChartApi,
  IPriceLine,
  ISeriesApi,
  MouseEventParams,
  Time,
  UTCTimestamp,
  WhitespaceData,
} from 'lightweight-charts';
import { isQuiet, isUnknown, lender, placesBetween, type Bars } from '../lib/bars';
import { markOf } from '../lib/coverage';
import { formatPrice, isNumber } from '../lib/format';
import type { Candle } from '../lib/protocol';
import { axisLabel, crosshairLabel, zonedBehavior } from './axis';
import type { ChartColors } from './colors';
import type { IndicatorLines } from './lines';
import { HatchMarks, type MarkedBar, type Span } from './hatch';

export type Library = typeof import('lightweight-charts');

const MICROS = 1_000_000;
/** Empty places between the newest bar and the price axis. */
const SPARE_PLACES = 5;
const FEWEST_SHOWN = 40;
const READABLE_PX = 7;
/** So many bars from the left edge the next older page is asked for. */
const OLDER_WITHIN = 30;

const toTime = (candle: Candle): UTCTimestamp => (candle.open_time / MICROS) as UTCTimestamp;

export interface Hover {
  /** Micros; null when the pointer is not over a place. */
  openTime: number | null;
}

export class PriceChart {
  private readonly chart: IChartApi;
  private readonly candles: ISeriesApi<'Candlestick'>;
  private readonly volume: ISeriesApi<'Histogram'>;
  private readonly marks: HatchMarks;
  private lines: IndicatorLines | null = null;
  private marked: MarkedBar[] = [];
  private unknown: Span[] = [];
  private lent: Span[] = [];
  /** Of all places, also the empty ones. */
  private times: UTCTimestamp[] = [];
  /** Whose bars these are; others are lent. */
  private venue = '';
  private readonly priceLine: IPriceLine;
  private price: { price: number | null; words: string; stale: boolean } = { price: null, words: '', stale: false };
  /** The newest that is known: the library has no place to stand on while there is none. */
  private lastBar: Candle | null = null;
  /** How many places the first view has, where that is less than would fit. */
  private fewShown = 0;
  private headroom = 0.16;
  private moving: { from: number; to: number } | null = null;
  private drawnEpoch = -1;
  private drawnTo: UTCTimestamp | null = null;
  private step = 60;
  private zone = 'UTC';
  /** The bar that the keys have chosen. */
  private cursor: UTCTimestamp | null = null;
  /** True when part of a long hole is left out and time is not to scale there. */
  shortened = false;
  /** A bar was pressed, not dragged. */
  pressed: ((openTime: number) => void) | null = null;
  /** Other bars are in sight, or the same ones are others. */
  looked: (() => void) | null = null;

  constructor(
    private readonly library: Library,
    box: HTMLElement,
    private colors: ChartColors,
    private readonly hover: (hover: Hover) => void,
    private readonly older: () => void,
  ) {
    this.chart = library.createChartEx<Time, ReturnType<typeof zonedBehavior>>(box, zonedBehavior(library.defaultHorzScaleBehavior, () => this.zone), { autoSize: true }) as IChartApi;
    this.candles = this.chart.addSeries(library.CandlestickSeries, { priceLineVisible: false, lastValueVisible: false });
    this.priceLine = this.candles.createPriceLine({ price: 0, lineVisible: false, axisLabelVisible: false });
    this.volume = this.chart.addSeries(library.HistogramSeries, {
      priceScaleId: 'volume',
      priceFormat: { type: 'volume' },
      lastValueVisible: false,
      priceLineVisible: false,
    });
    this.chart.priceScale('volume').applyOptions({ scaleMargins: { top: 0.84, bottom: 0 }, visible: false });
    this.marks = new HatchMarks(colors);
    this.candles.attachPrimitive(this.marks);
    this.setColors(colors);
    this.chart.subscribeCrosshairMove((event: MouseEventParams<Time>) => {
      if (event.sourceEvent === undefined && this.cursor !== null) return; // our own crosshair
      this.cursor = null;
      hover({ openTime: typeof event.time === 'number' ? event.time * MICROS : null });
    });
    this.chart.subscribeClick((event) => {
      if (typeof event.time === 'number') this.pressed?.(event.time * MICROS);
    });
    this.chart.timeScale().subscribeVisibleLogicalRangeChange(() => {
      this.seekOlder();
      this.looked?.();
    });
  }

  /** Ask for the page before the first bar where its place is in sight. */
  seekOlder(): void {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    if (range && range.from < OLDER_WITHIN && this.drawnTo !== null) this.older();
  }

  /** Somewhere there are places of which nobody knows. */
  get hasUnknown(): boolean {
    return this.unknown.length > 0;
  }

  /** The newest unknown places in sight, as they are: micros, from the opening of the first to that of the last. */
  unknownInSight(): { from: number; to: number } | null {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    if (!range || this.times.length === 0) return null;
    const first = this.times[Math.max(0, Math.ceil(range.from))] ?? Infinity;
    const last = this.times[Math.min(this.times.length - 1, Math.floor(range.to))] ?? -Infinity;
    const span = this.unknown.findLast(({ from, to }) => to >= first && from <= last);
    return span ? { from: span.from * MICROS, to: span.to * MICROS } : null;
  }

  remove(): void {
    this.chart.remove();
  }

  setColors(colors: ChartColors): void {
    this.colors = colors;
    this.marks.setColors(colors);
    this.chart.applyOptions({
      layout: { background: { color: 'transparent' }, textColor: colors.text, fontFamily: "'JetBrains Mono', monospace", fontSize: 11, attributionLogo: true, panes: { separatorColor: colors.line, separatorHoverColor: colors.crosshair } },
      grid: { vertLines: { color: colors.line }, horzLines: { color: colors.line } },
      crosshair: { mode: 0, vertLine: { color: colors.crosshair, labelBackgroundColor: colors.label }, horzLine: { color: colors.crosshair, labelBackgroundColor: colors.label } },
      rightPriceScale: { borderColor: colors.line, scaleMargins: { top: this.headroom, bottom: 0.2 } },
      timeScale: { borderColor: colors.line, timeVisible: true, rightOffset: SPARE_PLACES, tickMarkFormatter: (time: Time, kind: number) => axisLabel(time, kind, this.zone) },
      localization: { timeFormatter: (time: Time) => crosshairLabel(time, this.step, this.zone) },
      kineticScroll: { mouse: false, touch: !matchMedia('(prefers-reduced-motion: reduce)').matches },
    });
    this.candles.applyOptions({
      upColor: colors.up,
      downColor: colors.down,
      borderUpColor: colors.up,
      borderDownColor: colors.down,
      wickUpColor: colors.up,
      wickDownColor: colors.down,
    });
    this.lines?.setColors(colors);
    this.drawnEpoch = -1; // bars carry their colours
  }

  /** The candles stay below what is written over them, as far as they keep most of the room; `top` in pixels. */
  setHeadroom(top: number): void {
    const height = this.chart.paneSize(0).height;
    const share = height > 0 ? Math.min(0.42, Math.max(0.12, (top + 10) / height)) : 0.16;
    if (Math.abs(share - this.headroom) < 0.01) return;
    this.headroom = share;
    this.chart.priceScale('right').applyOptions({ scaleMargins: { top: share, bottom: 0.2 } });
  }

  setScale(decimals: number, step: number, venue: string): void {
    this.step = step;
    this.venue = venue;
    this.candles.applyOptions({
      priceFormat: { type: 'custom', minMove: 10 ** -decimals, formatter: (price: number) => formatPrice(Number(price.toFixed(decimals)), decimals) },
    });
    this.chart.applyOptions({ timeScale: { secondsVisible: step < 60 } });
  }

  /** The zone of the axis; its places must be weighed anew, so the bars are set anew where they stand. */
  setZone(zone: string): void {
    if (zone === this.zone) return;
    this.zone = zone;
    const { range } = this;
    this.candles.setData([]);
    this.volume.setData([]);
    this.lines?.clear();
    this.setColors(this.colors); // forgets the labels as well
    this.rangeAfter = range;
  }

  private rangeAfter: { from: number; to: number } | null = null;

  /** Moves the crosshair by so many bars, from the newest at first; the bar comes into view. */
  stepCursor(bars: Bars, places: number): Candle | null {
    const { list } = bars;
    if (list.length === 0) return null;
    const known = this.cursor === null ? -1 : list.findLastIndex((candle) => toTime(candle) === this.cursor);
    const at = Math.min(list.length - 1, Math.max(0, known < 0 ? list.length - 1 + Math.min(0, places + 1) : known + places));
    const candle = list[at] as Candle;
    this.cursor = toTime(candle);
    this.bringIntoView(this.cursor);
    this.chart.setCrosshairPosition(candle.close ?? candle.open ?? 0, this.cursor, this.candles);
    this.hover({ openTime: candle.open_time });
    return candle;
  }

  private bringIntoView(time: UTCTimestamp): void {
    const scale = this.chart.timeScale();
    const { range } = this;
    const index = scale.timeToIndex(time, true);
    if (!range || index === null) return;
    const shift = index < range.from ? index - range.from - 1 : index > range.to - 1 ? index - range.to + 2 : 0;
    if (shift !== 0) this.setRange({ from: range.from + shift, to: range.to + shift });
  }

  /** Shows more (factor above 1) or fewer bars; the right edge stays. */
  zoom(factor: number): void {
    const { range } = this;
    if (!range) return;
    const width = Math.max(10, (range.to - range.from) * factor);
    this.setRange({ from: range.to - width, to: range.to });
  }

  /** Away with the crosshair, and to the newest bars. */
  leaveCursor(): void {
    this.cursor = null;
    this.chart.clearCrosshairPosition();
    this.hover({ openTime: null });
    this.showNewest();
  }

  /** The last price, how old it is in words, and whether it is stale: then its line is drawn as one that is not sure. */
  setPrice(price: number | null, words: string, stale: boolean): void {
    this.price = { price, words, stale };
    this.paintPriceLine();
  }

  /** Wherever the reader looks: the library's own line follows the view. Without a price it is that of the newest known bar. */
  private paintPriceLine(): void {
    const { words: title, stale } = this.price;
    const price = this.price.price ?? this.lastBar?.close;
    if (this.lastBar === null || !isNumber(price)) {
      this.priceLine.applyOptions({ lineVisible: false, axisLabelVisible: false });
      return;
    }
    const moved = price >= (this.lastBar.open ?? price) ? this.colors.up : this.colors.down;
    this.priceLine.applyOptions({ price, title, color: stale ? this.colors.stale : moved, lineWidth: 1, lineStyle: stale ? 1 : 2, lineVisible: true, axisLabelVisible: true });
  }

  /** The library moves with its next frame; until then it tells where it was. */
  private setRange(range: { from: number; to: number }): void {
    this.moving = range;
    this.chart.timeScale().setVisibleLogicalRange(range);
    requestAnimationFrame(() => (this.moving = null));
  }

  private get range(): { from: number; to: number } | null {
    return this.moving ?? this.chart.timeScale().getVisibleLogicalRange();
  }

  /** The newest bars, as many as are readable; few bars are not stretched over the whole width. */
  private showNewest(): void {
    const fitting = Math.max(FEWEST_SHOWN, Math.floor(this.chart.timeScale().width() / READABLE_PX));
    const count = this.times.length;
    const shown = Math.min(fitting, Math.max(FEWEST_SHOWN, count));
    this.fewShown = count < shown || shown < fitting ? shown : 0;
    this.setRange({ from: count - shown, to: count + SPARE_PLACES });
  }

  draw(bars: Bars): void {
    if (bars.epoch === this.drawnEpoch && this.drawnTo !== null) this.drawNewest(bars);
    else this.drawAll(bars);
    this.lines?.draw(bars, this.step);
    this.looked?.();
  }

  /** Whoever draws indicators, once somebody has chosen one; it is loaded only then. */
  withLines(make: (library: Library, chart: IChartApi, colors: ChartColors) => IndicatorLines): IndicatorLines {
    this.lines ??= make(this.library, this.chart, this.colors);
    return this.lines;
  }

  /** For levels that are drawn over the candles and can be moved. */
  get over(): { chart: IChartApi; candles: ISeriesApi<'Candlestick'> } {
    return { chart: this.chart, candles: this.candles };
  }

  drawLines(bars: Bars): void {
    this.lines?.draw(bars, this.step);
  }

  private drawAll(bars: Bars): void {
    const range = this.rangeAfter ?? this.range;
    const before = this.times;
    const wasEmpty = this.lastBar === null;
    this.lastBar = null;
    this.marked = [];
    this.unknown = [];
    this.lent = [];
    this.times = [];
    this.shortened = false;
    this.drawnTo = null;
    const places: (CandlestickData | WhitespaceData)[] = [];
    const volumes: (HistogramData | WhitespaceData)[] = [];
    for (const candle of bars.list) {
      for (const time of this.emptyBefore(candle)) {
        places.push({ time });
        this.times.push(time);
      }
      places.push(this.bar(candle));
      volumes.push(this.volumeBar(candle));
      this.note(candle);
    }
    this.candles.setData(places);
    this.volume.setData(volumes);
    this.marks.set(this.marked, this.unknown, this.lent);
    this.drawnEpoch = bars.epoch;
    this.paintPriceLine();
    const again = this.rangeAfter;
    if (this.lastBar === null) return;
    this.rangeAfter = null;
    if (again) this.setRange(again);
    else if (wasEmpty) this.showNewest();
    else if (range) this.keepView(range, before);
  }

  /** Rule 2. */
  private keepView(range: { from: number; to: number }, before: readonly UTCTimestamp[]): void {
    const newest = before.length - 1;
    const untouched = this.fewShown > 0 && Math.abs(range.to - range.from - this.fewShown - SPARE_PLACES) < 0.5;
    if (untouched && range.to >= newest) {
      this.showNewest(); // there were not enough bars for a whole view
      return;
    }
    const held = Math.min(newest, Math.max(0, Math.ceil(range.from)));
    const shift = range.to >= newest ? this.times.length - before.length : placeOf(this.times, before[held] as UTCTimestamp) - held;
    this.setRange({ from: range.from + shift, to: range.to + shift });
  }

  private drawNewest(bars: Bars): void {
    const wasEmpty = this.lastBar === null;
    const drawnTo = this.drawnTo ?? (0 as UTCTimestamp);
    let first = bars.list.length;
    while (first > 0 && toTime(bars.list[first - 1] as Candle) >= drawnTo) first -= 1;
    for (const candle of bars.list.slice(first)) {
      for (const time of this.emptyBefore(candle)) {
        this.candles.update({ time });
        this.times.push(time);
      }
      this.candles.update(this.bar(candle));
      this.volume.update(this.volumeBar(candle));
      this.note(candle);
    }
    this.marks.set(this.marked, this.unknown, this.lent);
    this.paintPriceLine();
    if (wasEmpty && this.lastBar !== null) this.showNewest();
  }

  private emptyBefore(candle: Candle): UTCTimestamp[] {
    const time = toTime(candle);
    if (this.drawnTo === null || time <= this.drawnTo) return [];
    const { places, leftOut } = placesBetween(this.drawnTo, time, this.step);
    for (const place of places) extend(this.unknown, place as UTCTimestamp, this.step);
    if (leftOut > 0) this.shortened = true;
    return places as UTCTimestamp[];
  }

  private note(candle: Candle): void {
    const time = toTime(candle);
    if (time !== this.times.at(-1)) this.times.push(time);
    this.drawnTo = time;
    if (this.marked.at(-1)?.time === time) this.marked.pop();
    for (const spans of [this.unknown, this.lent]) withdraw(spans, time, this.step);
    if (isUnknown(candle)) {
      extend(this.unknown, time, this.step);
      return;
    }
    this.lastBar = candle;
    const by = lender(candle, this.venue);
    if (by !== '') extend(this.lent, time, this.step, by);
    const mark = markOf(candle.coverage);
    const doubtful = mark === 'incomplete' || mark === 'unknown';
    if (!doubtful && mark !== 'healed') return;
    if (!isNumber(candle.high) || !isNumber(candle.low)) return;
    this.marked.push({ time, high: candle.high, low: candle.low, mark: doubtful ? 'incomplete' : 'healed' });
  }

  /** Rule 3. */
  private bar(candle: Candle): CandlestickData | WhitespaceData {
    const time = toTime(candle);
    const { open, high, low, close } = candle;
    if (isUnknown(candle) || !isNumber(open) || !isNumber(high) || !isNumber(low) || !isNumber(close)) return { time };
    return { time, open, high, low, close, ...this.lookOf(candle) };
  }

  private lookOf(candle: Candle): Partial<CandlestickData> {
    const { upPale, downPale, quiet } = this.colors;
    const mark = markOf(candle.coverage);
    if (mark === 'incomplete' || mark === 'unknown') return { color: 'rgba(0, 0, 0, 0)' }; // its body claims too much
    if (isQuiet(candle)) return { color: quiet, borderColor: quiet, wickColor: quiet };
    if (lender(candle, this.venue) === '') return {};
    const pale = (candle.close ?? 0) >= (candle.open ?? 0) ? upPale : downPale;
    return { color: pale, borderColor: pale, wickColor: pale };
  }

  private volumeBar(candle: Candle): HistogramData | WhitespaceData {
    const time = toTime(candle);
    if (!isNumber(candle.volume) || isUnknown(candle)) return { time };
    const rising = (candle.close ?? 0) >= (candle.open ?? 0);
    return { time, value: candle.volume, color: rising ? this.colors.upSoft : this.colors.downSoft };
  }
}

/** The first place that is not before `time`. */
function placeOf(times: readonly UTCTimestamp[], time: UTCTimestamp): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] as UTCTimestamp) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** One place more at the end: of the last span where it joins it. A month is no fixed number of seconds. */
function extend(spans: Span[], time: UTCTimestamp, step: number, words = ''): void {
  const last = spans.at(-1);
  if (last && last.words === words && time - last.to < 1.5 * step) last.to = time;
  else spans.push({ from: time, to: time, words });
}

/** The newest place again, which may be another by now. */
function withdraw(spans: Span[], time: UTCTimestamp, step: number): void {
  const last = spans.at(-1);
  if (last?.to !== time) return;
  if (last.from === time) spans.pop();
  else last.to = (time - step) as UTCTimestamp;
}
