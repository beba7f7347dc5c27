import { readFileSync } from 'node:fs';
import { EVENT_NAMES } from '../../broker/socketio-settings.ts';

const page = readFileSync('docs/protocol.md', 'utf8');
const section = page.slice(page.indexOf('\n## Socket.IO\n')).split('\n## ')[1] ?? '';

test('the table of events is that of the dialect, name by name', () => {
  const told = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  const { presence, error, ...heard } = EVENT_NAMES;
  expect(told).toEqual(Object.values(heard));
  expect(section).toContain(`\`${presence}("kitchen"`);
  expect(section).toContain(`the event \`${error}(…)\``);
});
