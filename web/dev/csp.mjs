/** Prints the hash of the one inline style of this page: that of the chart's attribution logo. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const entry = createRequire(import.meta.url).resolve('lightweight-charts/package.json');
const code = readFileSync(entry.replace('package.json', 'dist/lightweight-charts.production.mjs'), 'utf8');
const style = /innerText="(a#tv-attr-logo[^"]*)"/.exec(code)?.[1];
if (style === undefined) throw new Error('expected the logo style in lightweight-charts, found none: look at its new version');
console.log(`'sha256-${createHash('sha256').update(style).digest('base64')}'`);
