/** What README.md shows, made to run: the wscat transcript and the program. */
export interface Step {
  readonly type: 'typed' | 'received';
  readonly line: string;
}

/** The first console block in which something is typed and received. */
export function transcriptOf(markdown: string): readonly Step[] {
  return transcriptsOf(markdown)[0] ?? [];
}

/** Every such block. */
export function transcriptsOf(markdown: string): readonly (readonly Step[])[] {
  return fences(markdown, 'console')
    .map(stepsOf)
    .filter((steps) => steps.length > 0);
}

function stepsOf(block: string): readonly Step[] {
  return block.split('\n').flatMap((line): readonly Step[] => {
    if (line.startsWith('> ')) return [{ type: 'typed', line: line.slice(2) }];
    return line.startsWith('< ') ? [{ type: 'received', line: line.slice(2) }] : [];
  });
}

/** The first JavaScript block. */
export function programOf(markdown: string): string {
  return fences(markdown, 'js')[0] ?? '';
}

/** `…` stands for what differs each time, inside one JSON string or one header. */
export function shown(line: string): RegExp {
  const parts = line.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^"\\n]+')}$`);
}

function fences(markdown: string, language: string): readonly string[] {
  const blocks = markdown.matchAll(/^```(\S*)[^\n]*\n([\s\S]*?)^```$/gm);
  return [...blocks].flatMap(([, tag, text]) => (tag === language ? [text ?? ''] : []));
}
