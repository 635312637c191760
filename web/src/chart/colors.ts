/** The page's colour tokens as plain values, since a canvas knows no custom properties. */

export interface ChartColors {
  text: string;
  line: string;
  crosshair: string;
  up: string;
  down: string;
  /** Of bars that another venue lent. */
  upPale: string;
  downPale: string;
  quiet: string;
  upSoft: string;
  downSoft: string;
  hatch: string;
  unknown: string;
  stale: string;
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
    upPale: paler(value('--up')),
    downPale: paler(value('--down')),
    quiet: value('--quiet-bar'),
    upSoft: value('--up-volume'),
    downSoft: value('--down-volume'),
    hatch: value('--warn'),
    stale: value('--stale-line'),
    unknown: value('--hatch-unknown'),
    label: value('--chart-label'),
    series: [1, 2, 3, 4].map((n) => value(`--series-${n}`)),
  };
  probe.remove();
  return colors;
}

/** For what counts less: a value that is not whole, a bar that is not the venue's own. */
export function paler(color: string): string {
  return color.replace(/^rgba?\((\d+), ?(\d+), ?(\d+)(?:, ?[\d.]+)?\)$/, 'rgba($1, $2, $3, 0.42)');
}
