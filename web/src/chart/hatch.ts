/**
 * Draws the language of coverage over candles: hatched columns where nobody watched, a hatched body where a bar
 * is incomplete, a dotted line under a bar that was healed, and a line with the name of the venue under bars that it lent.
 *
 * A primitive of lightweight-charts: the chart calls it when it draws, it never asks for a frame by itself.
 */
import type {
  IChartApi,
  IPrimitivePaneRenderer,
  IPrimitivePaneView,
  ISeriesApi,
  ISeriesPrimitive,
  SeriesAttachedParameter,
  Time,
  UTCTimestamp,
} from 'lightweight-charts';
import { venueName } from '../lib/format';
import type { ChartColors } from './colors';

export interface MarkedBar {
  time: UTCTimestamp;
  high: number;
  low: number;
  mark: 'incomplete' | 'healed';
}

/** Places that follow each other, inclusive on both ends; `words`: the venue that lent them. */
export interface Span {
  from: UTCTimestamp;
  to: UTCTimestamp;
  words: string;
}

type Target = Parameters<IPrimitivePaneRenderer['draw']>[0];

const PITCH = 6;

export class HatchMarks implements ISeriesPrimitive<Time>, IPrimitivePaneView, IPrimitivePaneRenderer {
  private chart: IChartApi | null = null;
  private series: ISeriesApi<'Candlestick'> | null = null;
  private bars: MarkedBar[] = [];
  private unknown: Span[] = [];
  private lent: Span[] = [];
  private readonly views = [this];

  constructor(private colors: ChartColors) {}

  attached(param: SeriesAttachedParameter<Time>): void {
    this.chart = param.chart as IChartApi;
    this.series = param.series as ISeriesApi<'Candlestick'>;
  }

  detached(): void {
    this.chart = null;
    this.series = null;
  }

  setColors(colors: ChartColors): void {
    this.colors = colors;
  }

  set(bars: MarkedBar[], unknown: Span[], lent: Span[]): void {
    this.bars = bars;
    this.unknown = unknown;
    this.lent = lent;
  }

  paneViews(): readonly IPrimitivePaneView[] {
    return this.views;
  }

  zOrder(): 'top' {
    return 'top';
  }

  renderer(): IPrimitivePaneRenderer {
    return this;
  }

  draw(target: Target): void {
    const { chart, series } = this;
    if (!chart || !series) return;
    target.useBitmapCoordinateSpace(({ context, bitmapSize, horizontalPixelRatio: rx, verticalPixelRatio: ry }) => {
      const scale = chart.timeScale();
      const width = scale.options().barSpacing;
      const x = (time: UTCTimestamp): number | null => scale.timeToCoordinate(time);
      const edges = (span: Span): [left: number, width: number] | null => {
        const [from, to] = [x(span.from), x(span.to)];
        return from === null || to === null ? null : [(from - width / 2) * rx, (to - from + width) * rx];
      };
      for (const span of this.unknown) {
        const found = edges(span);
        if (found) hatch(context, found[0], 0, found[1], bitmapSize.height, this.colors.unknown, rx);
      }
      for (const span of this.lent) {
        const found = edges(span);
        if (found) lentLine(context, ...found, bitmapSize.height - 4 * ry, `from ${venueName(span.words)}`, this.colors.text, rx);
      }
      for (const bar of this.bars) {
        const middle = x(bar.time);
        const top = series.priceToCoordinate(bar.high);
        const bottom = series.priceToCoordinate(bar.low);
        if (middle === null || top === null || bottom === null) continue;
        const half = Math.max(2, (width * 0.8) / 2);
        const left = (middle - half) * rx;
        if (bar.mark === 'incomplete') {
          hatch(context, left, (top - 3) * ry, half * 2 * rx, (bottom - top + 6) * ry, this.colors.hatch, rx);
        } else {
          dots(context, left, (bottom + 5) * ry, half * 2 * rx, this.colors.text, rx);
        }
      }
    });
  }
}

function hatch(context: CanvasRenderingContext2D, left: number, top: number, width: number, height: number, color: string, ratio: number): void {
  if (left > context.canvas.width || left + width < 0) return;
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  context.strokeStyle = color;
  context.lineWidth = Math.max(1, ratio);
  context.beginPath();
  const pitch = PITCH * ratio;
  // Lines start on one grid for the whole pane, so that neighbouring hatches join.
  const first = Math.floor((left - height) / pitch) * pitch;
  for (let at = first; at < left + width + height; at += pitch) {
    context.moveTo(at, top + height);
    context.lineTo(at + height, top);
  }
  context.stroke();
  context.restore();
}

function lentLine(context: CanvasRenderingContext2D, left: number, width: number, y: number, words: string, color: string, ratio: number): void {
  const from = Math.max(left, 0);
  const room = Math.min(left + width, context.canvas.width) - from;
  if (room <= 0) return;
  context.save();
  context.fillStyle = color;
  context.fillRect(from, y, room, 2 * ratio);
  context.font = `${11 * ratio}px 'JetBrains Mono', monospace`;
  if (context.measureText(words).width + 8 * ratio < room) context.fillText(words, from + 4 * ratio, y - 4 * ratio);
  context.restore();
}

function dots(context: CanvasRenderingContext2D, left: number, y: number, width: number, color: string, ratio: number): void {
  context.save();
  context.strokeStyle = color;
  context.lineWidth = Math.max(1, ratio);
  context.setLineDash([ratio, 2 * ratio]);
  context.beginPath();
  context.moveTo(left, y);
  context.lineTo(left + width, y);
  context.stroke();
  context.restore();
}
