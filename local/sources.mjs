/**
 * `npm start` runs the sources as they are. tsx does so too, and names each inner function anew
 * whenever it is made, a tenth of what a message costs: files of ours are therefore transformed by
 * esbuild without that. Whatever else is imported, an operator's own TypeScript, is left to tsx.
 */
import { register } from 'node:module';
import { register as registerTsx } from 'tsx/esm/api';

process.setSourceMapsEnabled(true);
registerTsx();
register('./sources-hooks.mjs', import.meta.url);
