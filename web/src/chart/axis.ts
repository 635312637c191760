/**
 * The chart's time axis in the reader's zone: where a day, a month or an hour begins, and how places are labelled.
 *
 * Bars keep their instants. Only the weights of places (which of them deserve a label) and the words are the zone's,
 * so that a night in which the clocks go back is neither folded nor stretched.
 */
import type { IHorzScaleBehavior, Time, UTCTimestamp } from 'lightweight-charts';
import { clockTime, day, dayOfMonth, dayTime } from '../lib/time';
import { minutesAhead } from '../lib/zone';

const MICROS = 1_000_000;
const MINUTE_S = 60;

type Behavior = IHorzScaleBehavior<Time>;
type Points = Parameters<Behavior['fillWeightsForPoints']>[0];
type Maker = () => new () => Behavior;

/** Days carry their month, since a lone number could be a price. `kind`: lightweight-charts TickMarkType. */
export function axisLabel(time: Time, kind: number, zone: string): string {
  const micros = Number(time) * MICROS;
  if (kind === 0) return day(micros, zone).slice(0, 4);
  if (kind === 1 || kind === 2) return dayOfMonth(micros, zone);
  return kind === 3 ? clockTime(micros, zone).slice(0, 5) : clockTime(micros, zone);
}

/** Beside the crosshair: days alone where bars are days. */
export function crosshairLabel(time: Time, stepSeconds: number, zone: string): string {
  const micros = Number(time) * MICROS;
  if (stepSeconds >= 86_400) return day(micros, zone);
  const text = dayTime(micros, zone);
  return stepSeconds < MINUTE_S ? text : text.slice(0, -3);
}

/** The library's own scale, whose places are weighed as the zone's clock reads. */
export function zonedBehavior(defaultBehavior: Maker, zone: () => string): Behavior {
  const Base = defaultBehavior();
  class Zoned extends Base {
    override fillWeightsForPoints(points: Points, startIndex: number): void {
      const name = zone();
      const read = points.map((point) => {
        const at = Number(this.key(point.time));
        const moved = (at + minutesAhead(name, at * MICROS) * MINUTE_S) as UTCTimestamp;
        return { ...point, time: this.convertHorzItemToInternal(moved) };
      });
      super.fillWeightsForPoints(read, startIndex);
      for (const [i, point] of points.entries()) if (i >= startIndex) point.timeWeight = read[i]?.timeWeight ?? point.timeWeight;
    }
  }
  return new Zoned();
}
