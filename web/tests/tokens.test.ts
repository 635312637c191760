/** The colours themselves, read from the stylesheet and measured: WCAG 2.2, contrast of text at least 4.5:1. */
import { describe, expect, it } from 'vitest';
import SHEET from '../src/styles/tokens.css?raw';

type Colour = [number, number, number, number];
const CSS = SHEET.replace(/\/\*[\s\S]*?\*\//g, '');
const LEAST = 4.5;

function tokens(selectors: string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, selector, body] of CSS.matchAll(/(:root[^{]*)\{([^}]*)\}/g)) {
    if (!selectors.includes((selector ?? '').trim())) continue;
    for (const [, name, value] of (body ?? '').matchAll(/(--[\w-]+):\s*([^;]+);/g)) found.set(name ?? '', value ?? '');
  }
  return found;
}

function split(text: string): [string, string] {
  let depth = 0;
  for (let i = 0; i < text.length; i += 1) {
    if (text[i] === '(') depth += 1;
    else if (text[i] === ')') depth -= 1;
    else if (text[i] === ',' && depth === 0) return [text.slice(0, i), text.slice(i + 1)];
  }
  throw new Error(`expected two colours, found ${text}`);
}

function colour(all: Map<string, string>, name: string, light: boolean): Colour {
  let value = (all.get(name) ?? '').trim();
  const both = /^light-dark\((.*)\)$/s.exec(value);
  if (both) value = split(both[1] ?? '')[light ? 0 : 1].trim();
  const other = /^var\((--[\w-]+)\)$/.exec(value);
  if (other) return colour(all, other[1] ?? '', light);
  const hex = /^#([0-9a-f]{6})$/i.exec(value);
  if (hex) return [0, 2, 4].map((at) => parseInt((hex[1] ?? '').slice(at, at + 2), 16)).concat(1) as Colour;
  const rgb = /^rgb\((\d+) (\d+) (\d+) \/ ([\d.]+)%\)$/.exec(value);
  if (rgb) return [Number(rgb[1]), Number(rgb[2]), Number(rgb[3]), Number(rgb[4]) / 100];
  throw new Error(`expected a colour for ${name}, found ${value}`);
}

function over(top: Colour, under: Colour, opacity = 1): Colour {
  const alpha = top[3] * opacity;
  const mix = (i: 0 | 1 | 2): number => top[i] * alpha + under[i] * (1 - alpha);
  return [mix(0), mix(1), mix(2), 1];
}

function luminance(of: Colour): number {
  const [r, g, b] = of.slice(0, 3).map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4)) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: Colour, b: Colour): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

const MEANING = ['--up', '--down', '--good', '--bad', '--warn', '--info', '--accent', '--text-2', '--text-3'];
const looks = ['dark', 'light'].flatMap((theme) => ['classic', 'blue-orange'].flatMap((palette) => ['no', 'yes'].map((swap) => ({ theme, palette, swap }))));

describe.each(looks)('in $theme, $palette, swapped: $swap', ({ theme, palette, swap }) => {
  const all = tokens([':root', `:root[data-theme='${theme}']`, `:root[data-palette='${palette}']`, `:root[data-swap='${swap}']`]);
  const light = theme === 'light';
  const get = (name: string): Colour => colour(all, name, light);
  const page = get('--bg');
  const grounds: Record<string, Colour> = { page, panel: over(get('--panel'), page), solid: get('--panel-solid') };
  grounds['raised'] = over(get('--raised'), grounds['panel'] as Colour);

  it.each(MEANING)('%s can be read on every ground', (name) => {
    for (const [where, ground] of Object.entries(grounds)) expect(contrast(get(name), ground), where).toBeGreaterThanOrEqual(LEAST);
  });

  it('a price can be read over its own depth bar', () => {
    for (const side of ['--up', '--down']) {
      const ground = over(get(`${side}-soft`), grounds['panel'] as Colour);
      for (const name of [side, '--text', '--text-2']) expect(contrast(get(name), ground), name).toBeGreaterThanOrEqual(LEAST);
    }
  });

  it('a stale figure can be read', () => {
    const opacity = Number(all.get('--stale'));
    for (const ground of Object.values(grounds)) expect(contrast(over(get('--text'), ground, opacity), ground)).toBeGreaterThanOrEqual(LEAST);
  });

  it('up, down and warning are told apart', () => {
    const distance = (a: Colour, b: Colour): number => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
    for (const [a, b] of [['--up', '--down'], ['--warn', '--down'], ['--warn', '--up']] as const) expect(distance(get(a), get(b)), `${a} ${b}`).toBeGreaterThan(light ? 25 : 60);
  });
});

it('swapping swaps direction and nothing else', () => {
  const usual = tokens([':root']);
  const swapped = tokens([':root', ":root[data-swap='yes']"]);
  expect(colour(swapped, '--up', false)).toEqual(colour(usual, '--down', false));
  expect(colour(swapped, '--good', false)).toEqual(colour(usual, '--good', false));
});
