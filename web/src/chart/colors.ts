/** The page's colour tokens as plain values, since a canvas knows no custom properties. */

export interface ChartColors {
  text: string;
  line: string;
  crosshair: string;
  up: string;
  down: string;
  upSoft: string;
  downSoft: string;
  hatch: string;
  unknown: string;
  label: string;
  /** Lines of indicators, in their order. */
  series: string[];
}

export function readColors(): ChartColors {
  const probe = document.createElement('span');
  probe.hidden = true;
  document.body.append(probe);
  const value = (token: string): string => {
    probe.style.color = `var(${token})`;
    return getComputedStyle(probe).color;
  };
  const colors: ChartColors = {
    text: value('--text-2'),
    line: value('--line'),
    crosshair: value('--text-3'),
    up: value('--up'),
    down: value('--down'),
    upSoft: value('--up-volume'),
    downSoft: value('--down-volume'),
    hatch: value('--warn'),
    unknown: value('--hatch-unknown'),
    label: value('--chart-label'),
    series: [1, 2, 3, 4].map((n) => value(`--series-${n}`)),
  };
  probe.remove();
  return colors;
}
