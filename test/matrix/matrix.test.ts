import { matrix } from './matrix.ts';

test('each of five protocols hears each: text, JSON and octets', async () => {
  const cells = await matrix();
  expect(cells).toHaveLength(75);
  expect(cells.filter(({ fault }) => fault !== undefined)).toEqual([]);
}, 60_000);
