/**
 * What Lambda's Node.js runtime puts into the global scope for functions that stream, as its source
 * has it (aws-lambda-nodejs-runtime-interface-client, `HttpResponseStream` and `ResponseStream`). Its
 * sharp edge is kept: the prelude with status and headers leaves with the first `write`, so a stream
 * that is only ended answers 200 without any of it (its issues 95 and 97).
 */
import { Writable } from 'node:stream';

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const PRELUDE_TYPE = 'application/vnd.awslambda.http-integration-response';
const DELIMITER_OCTETS = 8;

export const awslambda = {
  streamifyResponse: (handler) => Object.assign(handler, { [STREAMING]: 'response' }),
  HttpResponseStream: {
    from(stream, prelude) {
      stream.setContentType(PRELUDE_TYPE);
      const text = JSON.stringify(prelude);
      stream._onBeforeFirstWrite = (write) => {
        write(text);
        write(new Uint8Array(DELIMITER_OCTETS));
      };
      return stream;
    },
  },
};

export function isStreaming(handler) {
  return handler[STREAMING] === 'response';
}

/** `tell({contentType})` comes once, with the first octets or the end; then `tell({chunk})`. */
export function responseStream(tell) {
  let contentType = 'application/octet-stream';
  let told = false;
  const begin = () => {
    if (!told) tell({ contentType });
    told = true;
  };
  const stream = new Writable({
    write(chunk, _, done) {
      begin();
      if (chunk.length > 0) tell({ chunk: Uint8Array.from(chunk) });
      setImmediate(done);
    },
    final(done) {
      begin();
      done();
    },
  });
  const write = stream.write.bind(stream);
  let written = false;
  stream.setContentType = (type) => {
    if (written) throw new Error('Cannot set content-type, too late.');
    contentType = type;
  };
  stream.write = (...chunk) => {
    if (!written) stream._onBeforeFirstWrite?.(write);
    written = true;
    return write(...chunk);
  };
  return stream;
}

/** Runs until the handler has returned and its stream has ended, whichever is later. */
export async function runStreaming(handler, event, context, tell) {
  const stream = responseStream(tell);
  const finished = new Promise((resolve, reject) => {
    stream.on('finish', resolve).on('error', reject);
  });
  await handler(event, stream, context);
  await finished;
  return null;
}
