/**
 * `act` on all of them, `most` side by side and then the next; results in the order of the items.
 * Rejects with the first fault once those beside it are under way; the next are not begun.
 */
export async function atOnce<Item, Result>(
  items: readonly Item[],
  most: number,
  act: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let from = 0; from < items.length; from += most) {
    results.push(...(await Promise.all(items.slice(from, from + most).map(act))));
  }
  return results;
}
