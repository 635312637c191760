/** Alerts, as one script: loaded when there is a rule, when one fires, or when somebody asks (lib/alerts/hook.svelte.ts). */
export { default as AlertsAside } from './AlertsAside.svelte';
export { default as AlertsPanel } from './AlertsPanel.svelte';
export { default as Centre } from './Centre.svelte';
export { default as ChartAlerts } from './ChartAlerts.svelte';
export { alerts } from '../../lib/alerts/desk.svelte';
export { draft } from '../../lib/alerts/draft.svelte';
