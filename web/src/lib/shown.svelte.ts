/** How figures are written: the zone of times and the grouping of numbers. Written by the settings alone. */
import { UTC } from './zone';

export type Grouping = 'comma' | 'space' | 'none';

class Shown {
  /** A zone's own name, never `local`. */
  zone = $state.raw(UTC);
  grouping = $state.raw<Grouping>('comma');
}

export const shown = new Shown();
