/** What clients and operators say when they mean well. TOKEN becomes a good one. */
export const STOMP = [
  'CONNECT\naccept-version:1.0,1.1,1.2\nhost:h\nheart-beat:0,1000\npasscode:TOKEN\n\n\0',
  'SEND\ndestination:/topic/a.b\ncontent-length:2\nreceipt:r\n\nhi\0',
  'SEND\ndestination:/room/x\npublish-id:7\nto:ann,self\nexcept:bob\n\n{}\0',
  'SEND\ndestination:/queue/x\nexpiration:1000\npriority:9\nx-delay:5\nreply-to:/temp-queue/a\n\nx\0',
  "SUBSCRIBE\nid:1\ndestination:/topic/a.*\nselector:a = 1 AND (b LIKE 'x%' OR c IS NULL)\nack:client\n\n\0",
  'SUBSCRIBE\nid:2\ndestination:/room/x\nsince:abc:7\ndurable:true\n\n\0',
  'SUBSCRIBE\nid:3\ndestination:/user/queue/x\n\n\0',
  'UNSUBSCRIBE\nid:1\n\n\0',
  'ACK\nid:1\ntransaction:t\n\n\0',
  'NACK\nid:1\nrequeue:false\n\n\0',
  'BEGIN\ntransaction:t\n\n\0',
  'COMMIT\ntransaction:t\n\n\0',
  'ABORT\ntransaction:t\n\n\0',
  'DISCONNECT\nreceipt:bye\n\n\0',
  '\n',
];

export const JSON_TEXTS = [
  '{"connect":true,"passcode":"TOKEN","client-id":"me"}',
  '{"subscribe":"/topic/a.**","id":"s1","selector":"x BETWEEN 1 AND 2"}',
  '{"subscribe":"/room/x","last":10}',
  '{"subscribe":"/presence/room/x"}',
  '{"send":"/topic/a.b","body":{"n":[1,2,{"a":null}]},"receipt":1}',
  '{"command":"SEND","destination":"/queue/x","body":"aGk=","body-encoding":"base64"}',
  '{"command":"UNSUBSCRIBE","id":"s1"}',
  '{"ack":"1","transaction":"t"}',
  '{"begin":"t"}',
  '{"commit":"t"}',
];

/** Messages of SockJS's framed transports: arrays of texts. */
export const SOCKJS = [
  '["CONNECT\\naccept-version:1.2\\npasscode:TOKEN\\n\\n\\u0000"]',
  '["SEND\\ndestination:/topic/a\\n\\nx\\u0000","\\n"]',
  '["{\\"subscribe\\":\\"/topic/a\\"}"]',
  '"one text"',
  '[]',
];

/** Socket.IO's packets within Engine.IO's, as a payload of polling has them. */
export const SOCKETIO = [
  '40{"passcode":"TOKEN"}',
  '420["join","kitchen",{"last":3}]',
  '421["message","kitchen",{"text":"tea?"}]',
  '422["subscribe","/topic/a.*"]',
  '423["send","/queue/x","hi",{"priority":9}]',
  '42["leave","kitchen"]',
  '451-["message","kitchen",{"_placeholder":true,"num":0}]\x1ebAQIDBA==',
  '424["ack","1"]',
  '41',
  '2probe',
  '5',
  '3',
  '40/admin,{"token":"TOKEN"}',
  '40{}\x1e42["join","a"]\x1e42["message","a","b"]',
];

/** Bodies of HTTP requests besides: batches, forms. */
export const BODIES = [
  '{"n":1}\n{"n":2}\n\n"three"\n',
  'd=%5B%22hi%22%5D',
  'plain text',
  '{"a":[[[[[[1]]]]]]}',
];

export const SELECTORS = [
  "a = 1 AND (b LIKE 'x%' ESCAPE '!' OR c NOT IN ('a','b'))",
  '-a * 2 > b / 0',
  'NOT (a IS NULL) AND b BETWEEN 1 AND 2.5e3',
  "((((((a = 'it''s'))))))",
];

export const DESTINATIONS = [
  '/topic/a.*.**',
  '/room/x',
  '/user/queue/x',
  '/exchange/a',
  '/topic/a/b',
  '/presence/room/x',
  '/temp-queue/a',
];

/** The operator's files, each for the parser that reads it. */
export const RULES = [
  '[{"pattern":"/room/lobby","history":{"count":50,"age":"1h"},"publish":"members"}]',
  '[{"pattern":"/topic/orders.**","lane":"logged","coalesce":"50ms"}]',
  '[{"pattern":"/queue/*","limits":{"messagesPerSecond":100,"bytesPerSecond":1,"depth":10}}]',
];
export const PERMISSIONS = [
  '[{"pattern":"/room/{room}","actions":["publish"],"claims":{"a":"b"},"for":"anyone"}]',
  '[{"pattern":"/user/{sub}/**","actions":["subscribe","history"]}]',
];
export const SECURITY = [
  '{"identity":{"keys":[{"id":"k","sha256":"aa","user":"ann","claims":{}}],"anonymous":true}}',
  '{"identity":{"tokens":[{"algorithms":["RS256"],"jwksUrl":"https://a.b/c","issuer":"i","leeway":"30s"}]}}',
  '{"identity":{"hook":"x.mjs","iam":false},"permissions":[],"origins":["https://a.b"]}',
  '{"administration":{"keys":["aa"]},"limits":{"messagesPerSecond":1,"roomsPerConnection":2}}',
];

/** What a handshake offers. */
export const SUBPROTOCOLS = ['v12.stomp, bearer.x', 'v10.stomp,v11.stomp', 'json.stompway', 'soap'];

/** Claims, and what Authorization may hold. */
export const AUTHORIZATIONS = ['Bearer TOKEN', 'Basic YW5uOlRPS0VO', 'ApiKey TOKEN', 'TOKEN'];

export const PATHS = [
  '/topic/a?token=TOKEN&last=3',
  '/room/x?since=abc:1',
  '/queue/x',
  '/user/ann/queue/x',
  '/app/x',
  '/presence/room/x',
  '/temp-queue/a',
  '/exchange/a/b',
  '/amq/queue/x',
  '/sockjs',
  '/sockjs/info',
  '/sockjs/000/abc/xhr',
  '/sockjs/000/abc/xhr_send',
  '/sockjs/000/abc/xhr_streaming',
  '/sockjs/000/abc/eventsource',
  '/sockjs/000/abc/htmlfile?c=callback',
  '/sockjs/000/abc/jsonp?c=callback',
  '/sockjs/000/abc/jsonp_send',
  '/sockjs/iframe.html',
  '/sockjs/iframe-1.html?t=1',
  '/sockjs/websocket',
  '/connections?user=ann&destination=/topic/a&after=x',
  '/connections/abc',
  '/users/ann?ban=1s',
  '/users/ann/queue/x',
  '/tokens/t?ban=off',
  '/ws',
  '/ws/@connections/abc',
  '/',
  '/index.html',
  '/socket.io/?EIO=4&transport=polling',
  '/socket.io/?EIO=4&transport=polling&sid=abc',
  '/socket.io/?EIO=4&transport=websocket',
  '/socket.io/?EIO=3&transport=polling&j=0',
];
