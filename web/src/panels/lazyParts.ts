/** What most readers of the page do not need at first, as one script: loaded when the first of it is wanted. */
export { default as ChartIndicators } from './ChartIndicators.svelte';
export { default as ChartMissing } from './ChartMissing.svelte';
export { default as EventLog } from './EventLog.svelte';
export { default as HelpSheet } from './HelpSheet.svelte';
export { default as IndicatorLegend } from './IndicatorLegend.svelte';
export { default as SettingsSheet } from './SettingsSheet.svelte';
export { default as StoryCard } from './StoryCard.svelte';
