import { jsonDialect } from '../../protocol/json/dialect.ts';
import { dialectContract } from '../contract/dialect.ts';

dialectContract('JSON', jsonDialect, {
  version: '1.2',
  connect: Buffer.from('{"command":"CONNECT","accept-version":"1.2"}'),
  subscribe: Buffer.from('{"subscribe":"/topic/a","receipt":"r-1"}'),
  send: Buffer.from('{"send":"/topic/a","x-one":1,"body":"hello"}'),
  nonsense: Buffer.from('{"tell":"/topic/a"}'),
});
