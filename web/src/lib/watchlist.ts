/** The list's own arithmetic: who is next when one leaves; no drawing, no asking. */

/**
 * Who is selected after `selected` left: the one that took its place, else the one before; null when the two lists
 * have nothing in common (another desk) or the selected one is still there.
 */
export function successor(before: readonly string[], after: readonly string[], selected: string | null): string | null {
  if (selected === null || after.includes(selected)) return null;
  const at = before.indexOf(selected);
  if (at < 0) return null;
  const kept = new Set(after);
  const later = before.slice(at + 1).find((name) => kept.has(name));
  const earlier = before.slice(0, at).findLast((name) => kept.has(name));
  return later ?? earlier ?? null;
}
