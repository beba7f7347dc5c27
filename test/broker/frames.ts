/** STOMP frames as a test reads them, without the product's codec. */
export interface Frame {
  readonly command: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The first of a repeated header counts. Of the escapes only the colon's is undone. */
export function frames(text: string): Frame[] {
  return text
    .split('\0')
    .filter((part) => part !== '')
    .map((part) => {
      const [head = '', ...body] = part.split('\n\n');
      const [command = '', ...lines] = head.split('\n');
      const pairs = lines.map((line) => {
        const at = line.indexOf(':');
        return [line.slice(0, at), line.slice(at + 1).replaceAll('\\c', ':')] as const;
      });
      return { command, headers: Object.fromEntries(pairs.reverse()), body: body.join('\n\n') };
    });
}
