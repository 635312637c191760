/**
 * Levels of alerts over the candles: price lines, and where each is in pixels so that a handle can stand on it.
 *
 * It knows no rule: what a line means and what moving it does is whose that draws it.
 */
import type { AutoscaleInfo, IChartApi, IPriceLine, ISeriesApi, ISeriesPrimitive, Time } from 'lightweight-charts';
import type { ChartColors } from './colors';
import { paler } from './colors';

export interface Level {
  id: string;
  price: number;
  /** What it is about, in a word. */
  title: string;
  look: 'armed' | 'quiet' | 'draft';
  /** A level that is no limit itself: where a rule counts again. */
  dotted: boolean;
}

/** A line that is being made comes into view where it is no farther from the market than so many times what the bars reach: else it would flatten them. */
const NEAR = 2;

export class LevelLines implements ISeriesPrimitive<Time> {
  private lines = new Map<string, IPriceLine>();
  private levels: readonly Level[] = [];
  private colors: ChartColors | null = null;
  /** While a line is dragged the scale stands still: else it would run from the pointer. */
  held = false;
  /** Of the market: its price, and how far the newest bars reach. */
  market: { price: number; reach: number } | null = null;
  private frozen: AutoscaleInfo | null = null;

  constructor(
    private readonly chart: IChartApi,
    private readonly candles: ISeriesApi<'Candlestick'>,
    /** The chart is about to be drawn: places may be others. */
    private readonly placed: () => void,
  ) {
    candles.attachPrimitive(this);
  }

  remove(): void {
    this.set([], null);
    this.candles.detachPrimitive(this);
  }

  set(levels: readonly Level[], colors: ChartColors | null): void {
    const wanted = new Map(levels.map((level) => [level.id, level]));
    for (const [id, line] of this.lines) {
      if (wanted.has(id)) continue;
      this.candles.removePriceLine(line);
      this.lines.delete(id);
    }
    this.levels = levels;
    this.colors = colors ?? this.colors;
    for (const level of levels) this.paint(level);
  }

  private paint(level: Level): void {
    const { colors } = this;
    if (colors === null) return;
    const color = level.look === 'draft' ? (colors.series[0] ?? colors.text) : level.look === 'quiet' ? paler(colors.text) : colors.text;
    const options = { price: level.price, color, lineWidth: 1 as const, lineStyle: level.dotted ? 1 : level.look === 'draft' ? 0 : 2, axisLabelVisible: true, axisLabelColor: level.look === 'draft' ? color : colors.label, title: '' };
    const line = this.lines.get(level.id);
    if (line) line.applyOptions(options);
    else this.lines.set(level.id, this.candles.createPriceLine(options));
  }

  /** Pixels below the top of the chart; null where it is out of sight. */
  y(price: number): number | null {
    const y = this.candles.priceToCoordinate(price);
    return y === null || y < 0 || y > this.chart.paneSize(0).height ? null : y;
  }

  priceAt(y: number): number | null {
    return this.candles.coordinateToPrice(y);
  }

  /** Of the price axis, in pixels. */
  get axisWidth(): number {
    return this.chart.priceScale('right').width();
  }

  updateAllViews(): void {
    this.placed();
  }

  autoscaleInfo(): AutoscaleInfo | null {
    if (this.held) return this.frozen;
    const { market } = this;
    const near = market === null ? [] : this.levels.filter(({ look, price }) => look === 'draft' && Math.abs(price - market.price) < NEAR * market.reach).map(({ price }) => price);
    this.frozen = near.length === 0 ? null : { priceRange: { minValue: Math.min(...near), maxValue: Math.max(...near) } };
    return this.frozen;
  }
}
