/** The operator's own word on who somebody is: a Lambda (`handler`) or a module. */
export const handler = async ({ token, arrival }) => {
  if (token === 'known-to-the-hook-but-broken') throw new Error('planted in the hook');
  if (token !== 'known-to-the-hook') return null;
  return {
    user: `guest-of-the-${arrival.event}`,
    grants: [{ pattern: '/topic/hooked.**', actions: ['subscribe', 'publish'] }],
  };
};
export default handler;
