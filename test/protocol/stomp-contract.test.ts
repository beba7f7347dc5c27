import { stompDialect } from '../../protocol/stomp/dialect.ts';
import { dialectContract } from '../contract/dialect.ts';

dialectContract('STOMP', stompDialect, {
  version: '1.2',
  connect: Buffer.from('CONNECT\naccept-version:1.2\nhost:a\n\n\0'),
  subscribe: Buffer.from('SUBSCRIBE\nid:0\ndestination:/topic/a\nreceipt:r-1\n\n\0'),
  send: Buffer.from('SEND\ndestination:/topic/a\nx-one:1\n\nhello\0'),
  nonsense: Buffer.from('GREET\n\n\0'),
});
