import { defaultHorzScaleBehavior, type Time, type UTCTimestamp } from 'lightweight-charts';
import { describe, expect, it } from 'vitest';
import { axisLabel, crosshairLabel, zonedBehavior } from '../src/chart/axis';

const DAY_WEIGHT = 50;
const MONTH_WEIGHT = 60;
const seconds = (text: string): UTCTimestamp => (Date.parse(text) / 1000) as UTCTimestamp;

/** The hours of some days as the chart hands them over, and the weights they get. */
function weights(zone: string, first: string, hours: number): { time: number; weight: number }[] {
  const behavior = zonedBehavior(defaultHorzScaleBehavior, () => zone);
  const points = Array.from({ length: hours }, (_, i) => {
    const time = (seconds(first) + i * 3600) as UTCTimestamp;
    return { timeWeight: 0, time: behavior.convertHorzItemToInternal(time), originalTime: time, pointData: {} };
  });
  behavior.fillWeightsForPoints(points as never, 0);
  return points.map((point) => ({ time: Number(point.originalTime), weight: point.timeWeight }));
}

function starts(zone: string, first: string, hours: number, least: number): string[] {
  return weights(zone, first, hours).slice(1).filter(({ weight }) => weight >= least).map(({ time }) => new Date(time * 1000).toISOString().slice(0, 16));
}

describe('the axis', () => {
  it('begins its days at the midnight of the zone, through a night in which the clocks change', () => {
    expect(starts('UTC', '2024-10-26T00:00:00Z', 72, DAY_WEIGHT)).toEqual(['2024-10-27T00:00', '2024-10-28T00:00']);
    expect(starts('Europe/Berlin', '2024-10-26T00:00:00Z', 72, DAY_WEIGHT)).toEqual(['2024-10-26T22:00', '2024-10-27T23:00', '2024-10-28T23:00']);
    expect(starts('Asia/Kolkata', '2024-10-26T00:30:00Z', 48, DAY_WEIGHT)).toEqual(['2024-10-26T18:30', '2024-10-27T18:30']);
  });

  it('begins its months there too', () => {
    expect(starts('Asia/Tokyo', '2024-10-30T00:00:00Z', 72, MONTH_WEIGHT)).toEqual(['2024-10-31T15:00']);
  });

  it('weighs only what it is asked to weigh', () => {
    const behavior = zonedBehavior(defaultHorzScaleBehavior, () => 'Asia/Tokyo');
    const points = [0, 1, 2].map((i) => ({ timeWeight: 99, time: behavior.convertHorzItemToInternal((i * 60) as UTCTimestamp), originalTime: i, pointData: {} }));
    behavior.fillWeightsForPoints(points as never, 2);
    expect(points.map((point) => point.timeWeight).slice(0, 2)).toEqual([99, 99]);
    expect(points[2]?.timeWeight).toBe(20);
  });

  it('is labelled as the zone reads', () => {
    const time = seconds('2024-08-09T22:30:05Z') as Time;
    expect([0, 1, 2, 3, 4].map((kind) => axisLabel(time, kind, 'Europe/Berlin'))).toEqual(['2024', '10 Aug', '10 Aug', '00:30', '00:30:05']);
    expect(crosshairLabel(time, 60, 'Europe/Berlin')).toBe('2024-08-10 00:30');
    expect(crosshairLabel(time, 1, 'UTC')).toBe('2024-08-09 22:30:05');
    expect(crosshairLabel(time, 86_400, 'UTC')).toBe('2024-08-09');
  });
});
