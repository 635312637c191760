/** What the chart needs for indicators and nobody else does: loaded as one script when the first one is wanted. */
export { default as ChartIndicators } from './ChartIndicators.svelte';
export { default as IndicatorLegend } from './IndicatorLegend.svelte';
