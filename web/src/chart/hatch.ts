/**
 * Draws the language of coverage over candles: hatched columns where nobody watched, a hatched body where a bar
 * is incomplete, a dotted line under a bar that was healed.
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
import type { ChartColors } from './colors';

export interface MarkedBar {
  time: UTCTimestamp;
  high: number;
  low: number;
  mark: 'incomplete' | 'healed';
}

/** Inclusive on both ends; every place in it is empty. */
export interface UnknownSpan {
  from: UTCTimestamp;
  to: UTCTimestamp;
}

type Target = Parameters<IPrimitivePaneRenderer['draw']>[0];

const PITCH = 6;

export class HatchMarks implements ISeriesPrimitive<Time>, IPrimitivePaneView, IPrimitivePaneRenderer {
  private chart: IChartApi | null = null;
  private series: ISeriesApi<'Candlestick'> | null = null;
  private bars: MarkedBar[] = [];
  private spans: UnknownSpan[] = [];
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

  set(bars: MarkedBar[], spans: UnknownSpan[]): void {
    this.bars = bars;
    this.spans = spans;
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
      for (const span of this.spans) {
        const from = x(span.from);
        const to = x(span.to);
        if (from === null || to === null) continue;
        const left = (from - width / 2) * rx;
        hatch(context, left, 0, (to + width / 2) * rx - left, bitmapSize.height, this.colors.unknown, rx);
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
