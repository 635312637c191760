/**
 * Draws indicators: over the candles, or in panes below them. It computes nothing.
 *
 * Rules:
 * 1. What is not there yet is not drawn, and no line goes over a bar that has no value.
 * 2. A value that is not whole is drawn paler.
 * 3. Only bars that the candles have get a place: an indicator never adds one to the axis.
 */
import type { HistogramData, IChartApi, ISeriesApi, LineData, UTCTimestamp } from 'lightweight-charts';
import type { Bars } from '../lib/bars';
import { formatCompact, formatFixed } from '../lib/format';
import { isVolatility, readText, type Line } from '../lib/indicators';
import type { Candle } from '../lib/protocol';
import type { Library } from './chart';
import { paler, type ChartColors } from './colors';

const MICROS = 1_000_000;
const NOTHING = 'rgba(0, 0, 0, 0)';
/** Of the height of the candles. */
const PANE_SHARE = 0.3;

export interface Wanted {
  text: string;
  pane: 'price' | 'own';
  outputs: readonly string[];
}

export interface PlacedOutput {
  output: string;
  /** Of the colours of series; null of a histogram, whose colours are those of volume. */
  color: number | null;
}

/** Colours one after the other; bands are of one colour, and what they surround is theirs. */
export function coloured(wanted: readonly Wanted[], colors = 4): Map<string, PlacedOutput[]> {
  const found = new Map<string, PlacedOutput[]>();
  let next = 0;
  for (const { text, outputs } of wanted) {
    const band = outputs.includes('upper');
    const placed = outputs.map((output) => {
      if (output === 'histogram') return { output, color: null };
      const color = next % colors;
      if (!band) next += 1;
      return { output, color };
    });
    if (band) next += 1;
    found.set(text, placed);
  }
  return found;
}

interface Drawn {
  text: string;
  output: string;
  color: number | null;
  series: ISeriesApi<'Line'> | ISeriesApi<'Histogram'>;
}

export class IndicatorLines {
  private drawn: Drawn[] = [];
  private texts: string[] = [];
  private epochs = '';
  private drawnTo = -Infinity;

  constructor(
    private readonly library: Library,
    private readonly chart: IChartApi,
    private colors: ChartColors,
    private readonly given: () => { lines: ReadonlyMap<string, Line>; epoch: number },
  ) {}

  setColors(colors: ChartColors): void {
    this.colors = colors;
    for (const each of this.drawn) if (each.color !== null) each.series.applyOptions({ color: this.colors.series[each.color] ?? this.colors.text });
    this.makeRoom();
    this.epochs = '';
  }

  /** For the legend in a pane of its own; the chart's options are those of the candles. */
  private makeRoom(): void {
    for (const pane of this.chart.panes().slice(1)) pane.priceScale('right').applyOptions({ scaleMargins: { top: 0.28, bottom: 0.08 } });
  }

  /** Series for these, in their order; panes of their own below the candles. */
  want(wanted: readonly Wanted[]): void {
    for (const { series } of this.drawn) this.chart.removeSeries(series);
    this.drawn = [];
    this.texts = wanted.filter(({ pane }) => pane === 'own').map(({ text }) => text);
    for (const [text, outputs] of coloured(wanted)) {
      const pane = this.texts.indexOf(text) + 1;
      for (const { output, color } of outputs) this.drawn.push({ text, output, color, series: this.add(text, output, color, pane) });
    }
    const panes = this.chart.panes();
    for (const [i, pane] of panes.entries()) pane.setStretchFactor(i === 0 ? 1 : PANE_SHARE);
    this.makeRoom();
    this.epochs = '';
  }

  private add(text: string, output: string, color: number | null, pane: number): Drawn['series'] {
    const percent = isVolatility(readText(text)?.name ?? '');
    const plain = {
      lastValueVisible: false,
      priceLineVisible: false,
      ...(pane > 0 && { priceFormat: { type: 'custom' as const, minMove: percent ? 1e-6 : 1e-4, formatter: (value: number) => (percent ? `${formatFixed(value * 100, 1)} %` : formatCompact(value)) } }),
    };
    if (color === null) return this.chart.addSeries(this.library.HistogramSeries, plain, pane);
    const edge = output === 'upper' || output === 'lower';
    return this.chart.addSeries(this.library.LineSeries, { ...plain, color: this.colors.series[color] ?? this.colors.text, lineWidth: edge ? 1 : 2, crosshairMarkerVisible: false }, pane);
  }

  /** Where each pane of its own begins, in pixels below the top of `box`. */
  tops(box: HTMLElement): Map<string, number> {
    const panes = this.chart.panes();
    const { top } = box.getBoundingClientRect();
    return new Map(this.texts.map((text, i) => [text, (panes[i + 1]?.getHTMLElement()?.getBoundingClientRect().top ?? top) - top]));
  }

  /** The places are to be set anew. */
  clear(): void {
    for (const { series } of this.drawn) series.setData([]);
    this.epochs = '';
  }

  draw(bars: Bars, step: number): void {
    const { lines, epoch } = this.given();
    const epochs = `${epoch} ${bars.epoch}`;
    const all = epochs !== this.epochs;
    this.epochs = epochs;
    const { list } = bars;
    let first = all ? 0 : list.length;
    while (first > 0 && (list[first - 1] as Candle).open_time >= this.drawnTo) first -= 1;
    for (const each of this.drawn) {
      const line = lines.get(each.text);
      const points = line ? this.points(list.slice(first), each, line, step) : [];
      if (all) each.series.setData(points);
      else for (const point of points) each.series.update(point);
    }
    this.drawnTo = list.at(-1)?.open_time ?? -Infinity;
  }

  private points(list: readonly Candle[], { output, color }: Drawn, line: Line, step: number): (LineData & HistogramData)[] {
    const points: (LineData & HistogramData)[] = [];
    for (const [i, { open_time }] of list.entries()) {
      const value = line.at(output, open_time);
      if (value === null) continue;
      points.push({ time: (open_time / MICROS) as UTCTimestamp, value, color: this.colorOf(color, value, line.state(open_time), this.endsHere(list, i, output, line, step)) });
    }
    return points;
  }

  /** Rule 1: the colour of a point is that of the line which leaves it. */
  private endsHere(list: readonly Candle[], i: number, output: string, line: Line, step: number): boolean {
    const here = list[i] as Candle;
    const next = list[i + 1];
    return next !== undefined && (line.at(output, next.open_time) === null || (next.open_time - here.open_time) / MICROS > 1.5 * step);
  }

  private colorOf(color: number | null, value: number, state: string, ends: boolean): string {
    const doubtful = state === 'incomplete' || state === 'unverified';
    if (color === null) return doubtful ? this.colors.unknown : value < 0 ? this.colors.downSoft : this.colors.upSoft;
    if (ends) return NOTHING;
    const whole = this.colors.series[color] ?? this.colors.text;
    return doubtful ? paler(whole) : whole;
  }
}
