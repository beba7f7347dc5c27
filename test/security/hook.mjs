/** The operator's own word, for the table: a token says itself what becomes of it. */
export default async ({ token, arrival }) => {
  if (arrival === undefined) throw new Error('what came with it is not told');
  const [, condition] = /^hooked-(.*)$/.exec(token) ?? [];
  if (condition === 'throws') throw new Error('the hook is broken');
  if (condition === 'good') return { user: 'ann', claims: {} };
  return condition === 'expired' ? { user: 'ann', expiresAt: 1 } : undefined;
};
