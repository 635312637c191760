/**
 * One pair at several venues: what a name without a venue means, and where else the pair can be had. It asks nobody.
 *
 * Rules:
 * 1. A name without a venue means the preferred venue's where that is followed, else the first that is.
 * 2. Only spot pairs have others of their kind: a contract is its venue's own.
 */
import { joined } from './search';
import type { Listed } from './protocol';

export function symbolOf(instrument: string): string {
  return instrument.split('@')[0] ?? instrument;
}

export function venueOf(instrument: string): string {
  return instrument.split('@')[1] ?? '';
}

/** Which of those followed a name means, in any spelling where it has no venue; null where none is meant (rule 1). */
export function resolveBare(name: string, followed: readonly string[], venue: string | null): string | null {
  if (followed.includes(name)) return name;
  if (name.includes('@')) return null;
  const same = followed.filter((each) => joined(each) === joined(name));
  return same.find((each) => venueOf(each) === venue) ?? same[0] ?? null;
}

/** Of those followed, all that have the pair of this one, itself included, in the desk's order (rule 2). */
export function samePair(instrument: string, followed: readonly string[]): string[] {
  return followed.filter((each) => symbolOf(each) === symbolOf(instrument));
}

/** Where the catalogue has the pair, and the desk does not follow it there. */
export function elsewhere(instrument: string, listed: readonly Listed[], followed: readonly string[]): string[] {
  const names = listed.filter((each) => each.tradable && each.symbol === symbolOf(instrument)).map((each) => each.instrument);
  return names.filter((each) => !followed.includes(each));
}

/** Of several venues that have what was typed whole, the preferred one comes first; the rest stays as it was found. */
export function preferredFirst(list: readonly Listed[], text: string, venue: string | null): Listed[] {
  const meant = (each: Listed): boolean => each.venue === venue && joined(each.symbol) === joined(text);
  if (venue === null || text.includes('@') || joined(text) === '') return [...list];
  return [...list.filter(meant), ...list.filter((each) => !meant(each))];
}

/** By which name the desk is asked for what has no venue. */
export function atPreferred(name: string, venue: string | null): string {
  return venue === null || name.includes('@') ? name : `${name}@${venue}`;
}
