/** What the desk says of indicators, as it stands in docs/reference/http.md. */
import type { Coverage } from './protocol';

/** What one indicator says of the bars of an answer, one entry a bar; null where it says nothing (yet). */
export interface IndicatorRow {
  name: string;
  pane: 'price' | 'own';
  outputs: Record<string, (number | null)[]>;
  /** Null where the value is complete. */
  states: (Coverage['state'] | null)[];
}

export interface IndicatorParameter {
  name: string;
  words: string;
  /** Null where it follows the interval. */
  default: number | null;
  least: number;
  most: number;
  whole: boolean;
}

export interface IndicatorCard {
  name: string;
  words: string;
  pane: 'price' | 'own';
  /** `free`: its values count from the first bar of an answer. */
  level: 'own' | 'free';
  parameters: IndicatorParameter[];
  outputs: string[];
}
